"""Runner for the tests in a mapping file. Each test has a message and the expected result."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.errors import DecodeError
from bridge.mapping.pipeline.decoding import ENCODERS, sent
from bridge.mapping.selftest.expectations import failures
from bridge.mapping.stateful.overlay_state import OverlayState
from bridge.model import Message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.mapping.file_models.mapping_spec import MappingSpec
    from bridge.mapping.file_models.selftest_spec import PriorMessage, SelfTestSpec
    from bridge.mapping.mapping import Mapping
    from bridge.mapping.pipeline.decoding import PayloadCodec
    from bridge.model import MappingResult
    from bridge.yaml_files import Path

_NO_JSON = "no message can contain this number: JSON has neither NaN nor infinities"


@dataclass(frozen=True, slots=True)
class CaseResult:
    """Result of one test.

    `number` is the index of the test in the file (from 0). `difference` describes the differences from the expected
    result. `difference` is empty if the test passed.
    """

    number: int
    name: str
    difference: str

    @property
    def passed(self) -> bool:
        """True if the result of the mapping is the expected result."""
        return not self.difference


def run_cases(mapping: Mapping) -> list[CaseResult]:
    """Run all tests of a mapping, in the order of the file."""
    tests = mapping.specification.tests
    return [CaseResult(number, case.name, _difference(mapping, case)) for number, case in enumerate(tests)]


def case_message(mapping: Mapping, case: PriorMessage) -> Message:
    """Return the message that a test contains."""
    qos = mapping.specification.qos if case.qos is None else case.qos
    payload = encode_payload(mapping.specification, mapping.parts.codec, case)
    return Message(case.topic, payload, qos, case.retain, case.received_at_ms, case.properties)


def encode_payload(specification: MappingSpec, codec: PayloadCodec, case: PriorMessage) -> bytes:
    """Return the bytes of the payload of a test message.

    A `payload` or `payload_text` is also converted to the mapping's encoding, and compressed. A `payload_base64` is
    used unchanged. Raise ValueError or TypeError if the payload format cannot represent the value.
    """
    if case.payload_base64 is not None:
        return base64.b64decode(case.payload_base64)
    return sent(specification, _encoded(specification, codec, case))


def _encoded(specification: MappingSpec, codec: PayloadCodec, case: PriorMessage) -> bytes:
    """Return the bytes for `payload` or `payload_text`, in UTF-8 and uncompressed."""
    if case.payload_text is not None:
        return case.payload_text.encode()
    try:
        encode = codec.of(specification.pattern.match(case.topic) or {}).encode
    except DecodeError as error:
        raise ValueError(error.detail) from None
    if encode is not None:
        return encode(case.payload)
    if specification.payload == "bytes":
        return _octets(case.payload)
    # The other formats have no encoder: they are text, or a single number.
    if isinstance(case.payload, str):
        return case.payload.encode()
    if isinstance(case.payload, int | float) and not isinstance(case.payload, bool):
        return ENCODERS["json"](case.payload)
    raise ValueError(f"with `payload: {specification.payload}` a test's payload is text or a number")


def _octets(value: Any) -> bytes:
    """Return the bytes for a text, or for a list of integers from 0 to 255. Raise ValueError for any other value."""
    try:
        return value.encode() if isinstance(value, str) else bytes(list(value))
    except (TypeError, ValueError):
        message = "with `payload: bytes` a test's payload is text or a list of whole numbers from 0 to 255"
        raise ValueError(message) from None


def case_faults(specification: MappingSpec, codec: PayloadCodec) -> list[tuple[Path, str]]:
    """Return the errors in the messages of all tests, each with its path in the file."""
    return [
        fault
        for number, case in enumerate(specification.tests)
        for path, message in (
            *((("tests", number, "before", place), earlier) for place, earlier in enumerate(case.before)),
            (("tests", number), case),
        )
        for fault in _faults(specification, codec, path, message)
    ]


def _faults(
    specification: MappingSpec, codec: PayloadCodec, path: Path, case: PriorMessage
) -> Iterator[tuple[Path, str]]:
    """Yield the errors in the topic and in the payload of one test message, each with its path in the file."""
    pattern = specification.pattern
    exception = pattern.exception(case.topic.split("/"))
    if exception is not None:
        yield (*path, "topic"), f"`except: {exception}` excludes this topic: the mapping does not receive it"
    elif pattern.match(case.topic) is None:
        yield (*path, "topic"), f"the mapping's topic '{pattern.text}' does not match this topic"
    yield from (((*path, "payload", *place), _NO_JSON) for place in _not_finite(case.payload))
    try:
        encode_payload(specification, codec, case)
    except (ValueError, TypeError) as error:
        yield (*path, "payload"), str(error)


def _not_finite(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the paths of values that are NaN or infinite.

    Such values are errors, because the JSON writer would write null instead. The payload would then differ from the
    file.
    """
    if isinstance(value, float) and not math.isfinite(value):
        yield path
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _not_finite(item, (*path, key))


def _difference(mapping: Mapping, case: SelfTestSpec) -> str:
    """Run one test. Return the differences from the expected result as text, or "" if the test passed."""
    if mapping.stateful is not None:
        # Each test starts with an empty state, so that it does not depend on earlier tests.
        mapping.stateful.attach(OverlayState())
    for earlier in case.before:
        _run(mapping, earlier)
    return "\n".join(failures(mapping, case.expect, _run(mapping, case)))


def _run(mapping: Mapping, case: PriorMessage) -> MappingResult:
    """Return the result for one message. It includes held records of earlier messages that this message releases."""
    message = case_message(mapping, case)
    captures = mapping.pattern.match(message.topic) or {}
    mapped = mapping.apply(message, captures, message.topic.split("/"))
    return mapped._replace(drafts=mapping.all_records(mapped))
