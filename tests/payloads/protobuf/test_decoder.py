import json
import sys

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import ConfigError, DecodeError
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


def test_message_without_a_required_field_cannot_be_written():
    with pytest.raises(ValueError, match="the payload: the required field id is missing"):
        decoder("legacy.Order", "legacy.proto").encode({})


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


def test_message_whose_fields_have_names_of_methods_is_read():
    names = ("HasField", "ListFields", "IsInitialized", "SerializeToString", "FindInitializationErrors")
    fields = "".join(f"  optional int32 {name} = {number};\n" for number, name in enumerate(names, 1))
    text = f'syntax = "proto3";\nmessage M {{\n{fields}}}\n'.encode()
    at = ProtobufDecoder(MessageTypes("m.proto", {"m.proto": text}), "M")
    assert at.decode(b"\x08\x05") == {"HasField": 5}
    assert at.decode(at.encode({"SerializeToString": 7})) == {"SerializeToString": 7}
