import json
import struct
import sys
import tracemalloc

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import ConfigError, DecodeError
from bridge.payloads.protobuf import value_reader
from bridge.payloads.protobuf.decoder import ProtobufDecoder
from bridge.payloads.protobuf.message_types import MessageTypes
from tests.mapping.builders import applied, mapping, message
from tests.payloads.protobuf.test_proto_file import SCHEMAS

VALUE = {
    "machine": "press07",
    "temperature": 0.0,
    "pressure": 2.5,
    "samples": [28.7, -1.5, None],
    "counts": [-1, 2**31 - 1],
    "units": {"t": {"name": "C"}},
    "names": {"-5": "minus five"},
    "states": {"true": "RUN", "false": "STATE_UNKNOWN"},
    "state": "STOP",
    "inner": {"n": 2**64 - 1, "next": {"n": 0, "kind": "SOME", "readings": []}, "kind": "NONE", "readings": []},
    "at": "2023-11-14T22:13:20.123456789Z",
    "took": 1.5,
    "details": {"a": [1.0, None, {"b": True}], "c": "x"},
    "maybe": 0.1,
    "site": {"name": "pdx", "floor": 0},
    "raw": [0, 255],
    "f32": 2**32 - 1,
    "f64": 2**64 - 1,
    "sf32": -(2**31),
    "sf64": -(2**63),
    "u32": 1,
    "ok": True,
    "s32": -7,
    "single": 28.7,
    "kind": "SOME",
    "message": "m",
    "map": "",
    "optional_note": 0,
}


def decoder(name="plant.Reading", file="plant/reading.proto"):
    return ProtobufDecoder(MessageTypes(file, SCHEMAS), name)


READING = decoder()


def test_message_is_read_as_it_was_written():
    sent = READING.encode(VALUE | {"samples": [28.7, -1.5, float("nan")]})
    assert READING.decode(sent) == VALUE
    orjson.dumps(READING.decode(sent))


def test_fields_that_were_not_sent_have_their_default_or_are_absent():
    found = READING.decode(b"")
    assert (found["pressure"], found["samples"], found["units"], found["state"]) == (0.0, [], {}, "STATE_UNKNOWN")
    assert not {"temperature", "at", "whole", "text", "inner", "maybe_state"} & found.keys()


def test_number_of_an_enum_that_the_schema_does_not_have_stays():
    assert READING.decode(bytes([9 << 3, 77]))["state"] == 77


def test_packed_and_unpacked_lists_are_the_same():
    field = decoder("legacy.Order", "legacy.proto")
    assert field.decode(b"\x08\x01\x22\x02\x05\x06")["packed"] == [5, 6]
    assert field.decode(b"\x08\x01\x20\x05\x20\x06")["packed"] == [5, 6]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff", "not a plant.Reading: a field's number ends too early, at byte 0"),
        (b"\x0a\x05abc", "the field 1 extends beyond the end, at byte 0 of 5"),
        (b"\x18\x01\x0a\x05abc", "the field 1 extends beyond the end, at byte 2 of 7"),
        (b"\x07", "no field begins with 0x07, at byte 0"),
        (b"\x00\x01", "no field begins with 0x00, at byte 0"),
        (b"\x0a\x02\xff\xfe", "text that is not UTF-8, or an invalid nested message"),
        (b"\x98\x3f\x01", "it has none of the type's fields; is it of another type?"),
        (b'{"a": 1}', "the field 4 extends beyond the end, at byte 1"),
        (b"\x62\x02\x12\x05", "an invalid nested message"),
        (b"\x6a\x0c\x08" + b"\xff" * 10 + b"\x01", "one of its fields is invalid"),
        (b"\x6a\x08\x08\x80\x80\x80\x80\x80\x80\x01", "outside the years 1 to 9999"),
        (b"\x6a\x06\x10\x80\x94\xeb\xdc\x03", "a time with 1000000000 nanoseconds"),
    ],
)
def test_message_of_another_type_is_rejected_with_its_place(data, reason):
    with pytest.raises(DecodeError) as error:
        READING.decode(data)
    assert reason in error.value.detail


def test_message_that_lacks_a_required_field_is_rejected():
    with pytest.raises(DecodeError, match=r"not a legacy\.Order: the required field id is missing"):
        decoder("legacy.Order", "legacy.proto").decode(b"\x12\x01a")


@given(st.integers(0, 200))
def test_deep_nesting_is_rejected(levels):
    data = b""
    for _ in range(levels):
        data = b"\x12" + _length(data) + data
    if levels <= 100:
        assert decoder("plant.Reading.Inner").decode(data) is not None
    else:
        with pytest.raises(DecodeError):
            decoder("plant.Reading.Inner").decode(data)


def _length(data):
    size, octets = len(data), bytearray()
    while size > 127:
        octets.append(size & 127 | 128)
        size >>= 7
    return bytes([*octets, size])


def test_values_are_limited(monkeypatch):
    monkeypatch.setattr(value_reader, "MAX_VALUES", 40)
    assert READING.decode(b"\x0a\x01a")
    with pytest.raises(DecodeError, match="more than 40 values"):
        READING.decode(b"\x22\x28" + struct.pack("<10f", *range(10)))


BOMB = MessageTypes(
    "b.proto",
    {
        "b.proto": b"""syntax = "proto3"; message B {
            repeated B b = 1; repeated bool ok = 2; repeated double d = 3; string s = 4; repeated string t = 5; }"""
    },
)


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


@pytest.mark.slow
@pytest.mark.parametrize(
    "data",
    [
        b"\x0a\x00" * (1 << 20),
        b"\x12\x81\x80\x40" + b"\x01" * ((1 << 20) + 1),
        b"\x1a\x88\x80\x80\x04" + bytes((1 << 23) + 8),
        b"\x98\x06\x01" * ((1 << 20) + 1),
        b"\x0a\x82\x80\x80\x01" + b"\x0a\x00" * ((1 << 20) + 1),
        b"\xa5\x06abcd" * ((1 << 20) + 1),
    ],
)
def test_values_are_counted_before_they_take_memory(data):
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError, match="more than 1,048,576 values"):
            ProtobufDecoder(BOMB, "B").decode(data)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_large_message_of_few_values_is_read():
    bomb = ProtobufDecoder(BOMB, "B")
    value = {"s": "x" * (1 << 21), "t": ["y" * (1 << 20)] * 2, "d": [1.5] * 9, "ok": [True], "b": []}
    assert bomb.decode(bomb.encode(value)) == value
    with pytest.raises(DecodeError, match="the field 4 extends beyond the end"):
        bomb.decode(b"\x22\xff\xff\xff\x7f" + b"x" * (1 << 20))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"machin": "x"}, "the payload: plant.Reading has no field 'machin'; it has machine, temperature"),
        ({"machine": 5}, "the payload.machine: the value is not of the field's type"),
        ({"state": "X"}, "the payload.state: expected one of STATE_UNKNOWN, RUN, RUNNING, STOP, found X"),
        ({"raw": [256]}, "the payload.raw: bytes must be in range"),
        ({"units": 1}, "the payload.units: expected an object"),
        ({"units": {"t": {"x": 1}}}, "the payload.units.t: plant.Unit has no field 'x'"),
        ({"samples": 1}, "the payload.samples: expected a list"),
        ({"samples": ["a"]}, "the payload.samples[0]: the value is not of the field's type"),
        ({"at": "x"}, "the payload.at: "),
        ({"whole": 2**63}, "the payload.whole: "),
        ([], "the payload: expected an object of plant.Reading, found []"),
    ],
)
def test_value_that_is_none_of_the_type_cannot_be_written(value, reason):
    with pytest.raises(ValueError, match="the payload") as error:
        READING.encode(value)
    assert reason in str(error.value)


def made(message_name, topic="t/{type}", **options):
    spec = {"schema": "plant/reading.proto", "message": message_name}
    return mapping(topic=topic, payload="protobuf", protobuf=spec, schemas=SCHEMAS, **options)


def test_mapping_reads_messages_and_sends_its_tests_as_messages():
    tests = [
        {"name": "x", "topic": "t/a", "payload": {"name": "C"}, "expect": [{"data_stream": "s", "data": {"n": "C"}}]}
    ]
    read = made("plant.Unit", transform="{n: payload.name}", tests=tests)
    assert applied(read, message(b"\x0a\x01C", topic="t/a")).drafts[0].data == b'{"n":"C"}'
    assert applied(made("plant.Unit"), message(b"\x0a\x01C", topic="t/a")).drafts[0].data == b"\x0a\x01C"


@pytest.mark.parametrize("stateful", [{}, {"changes": {}}])
def test_type_may_come_from_the_topic(stateful):
    read = made("plant.{type}", transform="payload", **stateful)
    assert json.loads(applied(read, message(b"\x0a\x01C", topic="t/Unit")).drafts[0].data) == {"name": "C"}
    assert json.loads(applied(read, message(b"\x0a\x01C", topic="t/Reading")).drafts[0].data)["machine"] == "C"
    (rejection,) = applied(read, message(b"\x0a\x01C", topic="t/Unt")).rejections
    assert (rejection.code, rejection.detail) == (
        "decode",
        "not usable: no message 'plant.Unt'; did you mean 'plant.Unit'?",
    )
    tests = [
        {
            "name": "x",
            "topic": "t/Unit",
            "payload": {"name": "C"},
            "expect": [{"data_stream": "s", "data": {"name": "C"}}],
        }
    ]
    assert made("plant.{type}", transform="payload", tests=tests, **stateful)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"message": "plant.Unt", "schema": "plant/reading.proto"}, "protobuf.schema: no message 'plant.Unt'"),
        ({"message": "plant.{kind}", "schema": "plant/reading.proto"}, "the topic captures no 'kind'"),
        ({"message": "plant Unit", "schema": "plant/reading.proto"}, "expected the full name of a message"),
        ({"message": "plant.Unit", "schema": "x.proto"}, "no file 'x.proto' in schemas/"),
        ({"message": "plant.Unit"}, "protobuf.schema: missing"),
    ],
)
def test_wrong_options_are_reported(options, reason):
    with pytest.raises(ConfigError) as error:
        mapping(topic="t/{type}", payload="protobuf", protobuf=options, schemas=SCHEMAS)
    assert reason in str(error.value)


def test_missing_package_is_reported_with_the_extra(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("bridge.payloads.protobuf.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "google.protobuf", None)
    with pytest.raises(ConfigError, match=r"needs an extra: pip install 'mqtt-kinesis\[protobuf\]'"):
        made("plant.Unit")
