import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import DecodeError
from bridge.payloads.protobuf import value_reader
from bridge.payloads.protobuf.decoder import ProtobufDecoder
from bridge.payloads.protobuf.message_types import MessageTypes
from bridge.payloads.protobuf.value_reader import ProtobufBudget, ValueReader
from tests.payloads.protobuf.test_decoder import READING
from tests.payloads.protobuf.test_value_limit import BOMB

GOOGLE = MessageTypes(
    "g.proto",
    {
        "g.proto": b"""syntax = "proto3";
            import "google/protobuf/duration.proto"; import "google/protobuf/struct.proto";
            import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto";
            message G {
                google.protobuf.Timestamp at = 1; google.protobuf.Duration took = 2; google.protobuf.Value value = 3;
                google.protobuf.FloatValue level = 4; google.protobuf.BytesValue raw = 5; }"""
    },
)


def test_fields_that_were_not_sent_have_their_default_or_are_absent():
    found = READING.decode(b"")
    assert (found["pressure"], found["samples"], found["units"], found["state"]) == (0.0, [], {}, "STATE_UNKNOWN")
    assert not {"temperature", "at", "whole", "text", "inner", "maybe_state"} & found.keys()


def test_number_of_an_enum_that_the_schema_does_not_have_stays():
    assert READING.decode(bytes([9 << 3, 77]))["state"] == 77


def test_values_are_limited(monkeypatch):
    monkeypatch.setattr(value_reader, "MAX_VALUES", 40)
    assert READING.decode(b"\x0a\x01a")
    with pytest.raises(DecodeError, match="more than 40 values"):
        READING.decode(b"\x22\x28" + struct.pack("<10f", *range(10)))


@given(st.integers(0, 12), st.integers(7, 20))
def test_protobuf_list_has_values_up_to_the_limit(items, limit):
    bomb = ProtobufDecoder(BOMB, "B")
    data = bomb.encode({"t": ["y"] * items})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(value_reader, "MAX_VALUES", limit)
        # The message itself and its five fields count too.
        if items + 6 <= limit:
            assert bomb.decode(data)["t"] == ["y"] * items
        else:
            with pytest.raises(DecodeError, match=f"more than {limit} values"):
                bomb.decode(data)


def google(**values):
    made = GOOGLE.message_class(GOOGLE.find("G"))()
    for name, fields in values.items():
        target = getattr(made, name)
        target.SetInParent()
        for field, value in fields.items():
            setattr(target, field, value)
    return ValueReader().reader(made.DESCRIPTOR)(made, ProtobufBudget())


@pytest.mark.parametrize(
    ("seconds", "nanos", "text"),
    [
        (-62135596800, 0, "0001-01-01T00:00:00Z"),
        (253402300799, 999_999_999, "9999-12-31T23:59:59.999999999Z"),
        (-1, 500_000_000, "1969-12-31T23:59:59.5Z"),
        (0, 1, "1970-01-01T00:00:00.000000001Z"),
    ],
)
def test_timestamp_is_exact_in_the_years_1_to_9999(seconds, nanos, text):
    assert google(at={"seconds": seconds, "nanos": nanos}) == {"at": text}


@pytest.mark.parametrize(
    ("seconds", "nanos"), [(-62135596801, 0), (253402300800, 0), (2**63 - 1, 0), (0, -1), (0, 1_000_000_000)]
)
def test_timestamp_beyond_the_limits_is_rejected(seconds, nanos):
    with pytest.raises(DecodeError, match="not usable: the message holds a time"):
        google(at={"seconds": seconds, "nanos": nanos})


def test_duration_is_a_number_of_seconds():
    assert google(took={"seconds": -1, "nanos": -500_000_000}) == {"took": -1.5}
    assert google(took={"seconds": 2**53 + 1}) == {"took": 2**53 + 1}


def test_wrapper_and_value_that_json_does_not_have_are_null():
    assert google(level={"value": float("nan")}, value={"number_value": float("inf")}) == {"level": None, "value": None}
    assert google(level={"value": 28.7}, raw={"value": b"\xff"}, value={}) == {
        "level": 28.7, "raw": [255], "value": None,
    }  # fmt: skip


def test_bytes_of_a_message_count_as_values(monkeypatch):
    monkeypatch.setattr(value_reader, "MAX_VALUES", 10)
    assert google(raw={"value": b"1234"})
    with pytest.raises(DecodeError, match="more than 10 values"):
        google(raw={"value": b"12345"})


def test_first_name_of_an_enum_number_is_used():
    assert READING.decode(READING.encode({"state": "RUNNING"}))["state"] == "RUN"


def test_reader_of_a_type_that_contains_itself_is_compiled_once():
    reader, descriptor = ValueReader(), BOMB.find("B")
    assert reader.reader(descriptor) is reader.reader(descriptor)
    inner = {"b": [], "ok": [], "d": [], "s": "", "t": ["x"]}
    sent = BOMB.message_class(descriptor)(b=[{"t": ["x"]}])
    assert reader.reader(descriptor)(sent, ProtobufBudget())["b"] == [inner]
