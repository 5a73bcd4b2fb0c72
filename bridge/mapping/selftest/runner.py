"""Runner for a mapping's own tests: messages in its file, and their expected results."""

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

    from bridge.mapping.mapping import Mapping
    from bridge.mapping.pipeline.decoding import PayloadCodec
    from bridge.mapping.schema.mapping_spec import MappingSpec
    from bridge.mapping.schema.selftest_spec import PriorMessage, SelfTestSpec
    from bridge.model import MappingResult
    from bridge.yaml_files import Path

_NO_JSON = "no message holds this number: JSON has neither NaN nor infinities"


@dataclass(frozen=True, slots=True)
class CaseResult:
    """Result of one test. `difference` is text for people, and empty if the test passed."""

    number: int
    name: str
    difference: str

    @property
    def passed(self) -> bool:
        """True if the mapping's result is the expected one."""
        return not self.difference


def run_cases(mapping: Mapping) -> list[CaseResult]:
    """Run all tests of a mapping, in the order of the file."""
    tests = mapping.specification.tests
    return [CaseResult(number, case.name, _difference(mapping, case)) for number, case in enumerate(tests)]


def case_message(mapping: Mapping, case: PriorMessage) -> Message:
    """Return the message that a test sends."""
    qos = mapping.specification.qos if case.qos is None else case.qos
    payload = encode_payload(mapping.specification, mapping.parts.codec, case)
    return Message(case.topic, payload, qos, case.retain, case.received_at_ms, case.properties)


def encode_payload(specification: MappingSpec, codec: PayloadCodec, case: PriorMessage) -> bytes:
    """Return the bytes of a test's payload. Raise ValueError or TypeError if its format cannot hold the value.

    A value or a text is converted with the mapping's `encoding` and `compression`; `payload_base64` is sent unchanged.
    """
    if case.payload_base64 is not None:
        return base64.b64decode(case.payload_base64)
    return sent(specification, _encoded(specification, codec, case))


def _encoded(specification: MappingSpec, codec: PayloadCodec, case: PriorMessage) -> bytes:
    """Return the bytes of a payload that is a text or a value."""
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
    if isinstance(case.payload, str):
        return case.payload.encode()
    if isinstance(case.payload, int | float) and not isinstance(case.payload, bool):
        return ENCODERS["json"](case.payload)
    raise ValueError(f"with `payload: {specification.payload}` a test's payload is text or a number")


def _octets(value: Any) -> bytes:
    """Return the bytes of a text or of a list of integers from 0 to 255. Raise ValueError for anything else."""
    try:
        return value.encode() if isinstance(value, str) else bytes(list(value))
    except (TypeError, ValueError):
        message = "with `payload: bytes` a test's payload is text or a list of whole numbers from 0 to 255"
        raise ValueError(message) from None


def case_faults(specification: MappingSpec, codec: PayloadCodec) -> list[tuple[Path, str]]:
    """Return the problems of the tests themselves, each with its path in the file."""
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
    """Yield the problems of one message of a test: its topic, its payload."""
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
    """Yield the paths of values that are NaN or infinite. A JSON writer would silently write null for them."""
    if isinstance(value, float) and not math.isfinite(value):
        yield path
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _not_finite(item, (*path, key))


def _difference(mapping: Mapping, case: SelfTestSpec) -> str:
    """Run one test. Return how its result differs from the expected one, or ""."""
    if mapping.stateful is not None:
        # Each test starts with empty state, so that it does not depend on the tests before it.
        mapping.stateful.attach(OverlayState())
    for earlier in case.before:
        _run(mapping, earlier)
    return "\n".join(failures(mapping, case.expect, _run(mapping, case)))


def _run(mapping: Mapping, case: PriorMessage) -> MappingResult:
    """Map one message. The result begins with the records of earlier messages that it releases."""
    message = case_message(mapping, case)
    captures = mapping.pattern.match(message.topic) or {}
    mapped = mapping.apply(message, captures, message.topic.split("/"))
    return mapped._replace(drafts=mapping.all_records(mapped))
