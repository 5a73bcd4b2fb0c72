"""A mapping's own tests: messages written into its file, and what must become of them."""

from __future__ import annotations

import base64
import difflib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.errors import DecodeError
from bridge.mapping.decoding import ENCODERS, compressed, decoder
from bridge.mapping.specification import ExpectedDeadLetter, ExpectedRecord
from bridge.mapping.topics import TopicPattern
from bridge.model import Message
from bridge.payloads import DECODERS

if TYPE_CHECKING:
    from bridge.documents import Path
    from bridge.mapping.mapping import Mapping
    from bridge.mapping.specification import CaseSpecification, Specification
    from bridge.model import Draft, Mapped

SPREAD = "spread"
"""How a record without a partition key is written."""


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What came of one test. `difference` is for a person, and empty if the test passed."""

    number: int
    name: str
    difference: str

    @property
    def passed(self) -> bool:
        """The mapping did as expected."""
        return not self.difference


def run_cases(mapping: Mapping) -> list[CaseResult]:
    """Run all tests of a mapping, in their order."""
    tests = mapping.specification.tests
    return [CaseResult(number, case.name, _difference(mapping, case)) for number, case in enumerate(tests)]


def case_message(specification: Specification, case: CaseSpecification) -> Message:
    """Give the message a test sends."""
    qos = specification.qos if case.qos is None else case.qos
    payload = encode_payload(specification, case)
    return Message(case.topic, payload, qos, case.retain, case.received_at_ms, case.properties)


def encode_payload(specification: Specification, case: CaseSpecification) -> bytes:
    """Give the bytes of a test's payload; raises ValueError if its value is none that the format can have.

    With `compression` a value and a text are compressed, and `payload_base64` is sent as it is.
    """
    if case.payload_base64 is not None:
        return base64.b64decode(case.payload_base64)
    return compressed(specification, _encoded(specification, case))


def _encoded(specification: Specification, case: CaseSpecification) -> bytes:
    if case.payload_text is not None:
        return case.payload_text.encode()
    encode = ENCODERS.get(specification.payload)
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
    try:
        return value.encode() if isinstance(value, str) else bytes(list(value))
    except (TypeError, ValueError):
        message = "with `payload: bytes` a test's payload is text or a list of whole numbers from 0 to 255"
        raise ValueError(message) from None


def case_faults(specification: Specification) -> list[tuple[Path, str]]:
    """Give what is wrong with the tests themselves, each with its path in the file."""
    pattern, faults = TopicPattern.parse(specification.topic), list[tuple["Path", str]]()
    for number, case in enumerate(specification.tests):
        if pattern.match(case.topic) is None:
            faults.append(
                (("tests", number, "topic"), f"the mapping's topic '{pattern.text}' does not match this topic")
            )
        try:
            encode_payload(specification, case)
        except (ValueError, TypeError) as error:
            faults.append((("tests", number, "payload"), str(error)))
    return faults


def _difference(mapping: Mapping, case: CaseSpecification) -> str:
    message = case_message(mapping.specification, case)
    captures = mapping.pattern.match(message.topic) or {}
    mapped = mapping.apply(message, captures, message.topic.split("/"))
    got = _got(mapping, mapped, case)
    expected = _expected(case, got)
    if same(expected, got):
        return ""
    lines = difflib.unified_diff(_pretty(_aligned(expected, got)), _pretty(got), "expected", "got", lineterm="", n=3)
    return "\n".join(line for line in lines if not line.startswith("@@"))


def _got(mapping: Mapping, mapped: Mapped, case: CaseSpecification) -> list[dict[str, Any]]:
    """Give what was made, in the form the test is written in."""
    wanted = dict(enumerate(case.expect if isinstance(case.expect, list) else ()))
    records = [
        {
            "data_stream": mapping.outputs[draft.output].data_stream,
            "partition_key": shown_key(draft),
            **_data(mapping, draft.data, wanted.get(number)),
        }
        for number, draft in enumerate(mapped.drafts)
    ]
    dead_letters = [{"dead_letter": each.code, "detail": each.detail} for each in mapped.rejections]
    return [*records, *dead_letters] or [{"filtered": True}]


def _data(mapping: Mapping, data: bytes, wanted: ExpectedRecord | None) -> dict[str, Any]:
    if wanted is not None and wanted.data_base64 is not None:
        return {"data_base64": base64.b64encode(data).decode()}
    if wanted is not None and wanted.data_text is not None:
        return {"data_text": data.decode(errors="backslashreplace")}
    return shown_data(mapping, data)


def shown_key(draft: Draft) -> str:
    """Give a record's partition key as a test writes it."""
    return SPREAD if draft.key is None else draft.key


def shown_data(mapping: Mapping, data: bytes) -> dict[str, Any]:
    """Give a record's data as a test writes it: `data`, or what is no value and no text as `data_base64`."""
    specification = mapping.specification
    made_json = specification.transform is not None
    as_text = not made_json and specification.payload in {"text", "bytes"}
    read = DECODERS["json"].decode if made_json else DECODERS["text"].decode if as_text else decoder(specification)
    try:
        return {"data": read(data)}
    except DecodeError:
        return {"data_base64": base64.b64encode(data).decode()}


def _expected(case: CaseSpecification, got: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give what the test expects; what it leaves open is taken from what was made."""
    if isinstance(case.expect, ExpectedDeadLetter):
        code = case.expect.dead_letter
        return got if all(each.get("dead_letter") == code for each in got) else [{"dead_letter": code}]
    if case.expect == "filtered" or not case.expect:
        return [{"filtered": True}]
    return [_expected_record(each, got[number] if number < len(got) else {}) for number, each in enumerate(case.expect)]


def _expected_record(wanted: ExpectedRecord, got: dict[str, Any]) -> dict[str, Any]:
    record = wanted.model_dump(include=wanted.model_fields_set)
    if wanted.partition_key is None:
        record["partition_key"] = got.get("partition_key")
    return record


def same(one: Any, other: Any) -> bool:
    """Compare as JSON: 1 is 1.0, true is not 1, and the order of keys does not count."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def _aligned(expected: Any, got: Any) -> Any:
    """Write what is the same in the same way, so that a difference shows only what differs."""
    if same(expected, got):
        return got
    if isinstance(expected, dict) and isinstance(got, dict):
        return {key: _aligned(value, got.get(key)) for key, value in expected.items()}
    if isinstance(expected, list) and isinstance(got, list):
        return [*map(_aligned, expected, got), *expected[len(got) :]]
    return expected


def _pretty(records: list[dict[str, Any]]) -> list[str]:
    """Give a line a value, keys in order: what a difference is made of."""
    text = [json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False) for record in records]
    return "\n".join(text).splitlines()
