import json
import re
import struct

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import DecodeError
from bridge.payloads.avro import reader
from bridge.payloads.avro.decoder import AvroDecoder
from bridge.payloads.avro.schema_parser import parse_schema
from bridge.payloads.schema_files import SchemaError

READING = {
    "type": "record",
    "name": "plant.Reading",
    "fields": [
        {"name": "machine", "type": "string"},
        {"name": "ts", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "temperature", "type": ["null", "float"], "default": None},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["RUN", "STOP"]}},
        {"name": "samples", "type": {"type": "array", "items": "double"}},
        {"name": "tags", "type": {"type": "map", "values": "string"}},
        {"name": "raw", "type": "bytes"},
        {"name": "id", "type": {"type": "fixed", "name": "Id", "size": 2}},
        {"name": "ok", "type": "boolean"},
        {"name": "previous", "type": ["null", "Reading"]},
    ],
}
VALUE = {
    "machine": "press07",
    "ts": 1_700_000_000_000,
    "temperature": 21.7,
    "state": "STOP",
    "samples": [0.1, -2.5],
    "tags": {"site": "pdx"},
    "raw": [0, 255],
    "id": [1, 2],
    "ok": True,
    "previous": None,
}


def made(schema, confluent=False):
    return AvroDecoder({None: parse_schema(json.dumps(schema).encode())}, confluent=confluent)


def test_record_is_read_as_it_was_written():
    decoder = made(READING)
    assert decoder.decode(decoder.encode(VALUE)) == VALUE
    nested = VALUE | {"previous": VALUE, "temperature": None}
    assert decoder.decode(decoder.encode(nested)) == nested


def test_bytes_are_those_of_the_specification():
    # https://avro.apache.org/docs/1.12.0/specification/#binary-encoding: its examples
    assert made("long").encode(-64) == b"\x7f"
    assert made("long").encode(64) == b"\x80\x01"
    assert made("string").encode("foo") == b"\x06foo"
    record = {
        "type": "record",
        "name": "test",
        "fields": [{"name": "a", "type": "long"}, {"name": "b", "type": "string"}],
    }
    assert made(record).decode(b"\x36\x06foo") == {"a": 27, "b": "foo"}
    assert made({"type": "array", "items": "long"}).decode(b"\x04\x06\x36\x00") == [3, 27]
    assert made(["null", "string"]).decode(b"\x02\x02a") == "a"


def test_blocks_may_state_their_size():
    assert made({"type": "array", "items": "long"}).decode(b"\x03\x04\x06\x36\x02\x08\x00") == [3, 27, 4]


SCALARS = st.one_of(
    st.tuples(st.just("long"), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just("double"), st.floats(allow_nan=False, allow_infinity=False)),
    st.tuples(st.just("string"), st.text(max_size=5)),
    st.tuples(st.just("boolean"), st.booleans()),
    st.tuples(st.just("bytes"), st.binary(max_size=5).map(list)),
    st.tuples(st.just("null"), st.none()),
)
TYPED = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        inner.map(lambda pair: ({"type": "array", "items": pair[0]}, [pair[1]] * 2)),
        inner.map(lambda pair: ({"type": "map", "values": pair[0]}, {"k": pair[1]})),
        inner.map(
            lambda pair: (
                ["null", pair[0]] if pair[0] != "null" and not isinstance(pair[0], list) else pair[0],
                pair[1],
            )
        ),
    ),
    max_leaves=4,
)


@given(TYPED)
def test_value_of_any_schema_is_read_as_it_was_written(pair):
    schema, value = pair
    decoder = made(schema)
    assert decoder.decode(decoder.encode(value)) == value


@pytest.mark.parametrize(
    ("logical", "value"),
    [
        ({"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}, 1234.56),
        ({"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}, -0.01),
        ({"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 10}, "12345678901234567890.0123456789"),
        ({"type": "bytes", "logicalType": "decimal", "precision": 20}, 2**63),
        ({"type": "fixed", "name": "D", "size": 8, "logicalType": "decimal", "precision": 6, "scale": 1}, 7.5),
        ({"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}, "123e4567-e89b-12d3-a456-426614174000"),
        ({"type": "string", "logicalType": "uuid"}, "123e4567-e89b-12d3-a456-426614174000"),
        ({"type": "long", "logicalType": "timestamp-micros"}, 1_700_000_000_000_000),
    ],
)
def test_logical_types_become_json_values(logical, value):
    decoder = made(logical)
    assert decoder.decode(decoder.encode(value)) == value
    orjson.dumps(decoder.decode(decoder.encode(value)))


def test_float_is_the_shortest_number_and_nan_is_null():
    assert made("float").decode(struct.pack("<f", 28.7)) == 28.7
    assert made("float").decode(struct.pack("<f", float("nan"))) is None
    assert made("double").decode(struct.pack("<d", float("inf"))) is None


@pytest.mark.parametrize(
    ("schema", "data", "reason"),
    [
        ("long", b"", "ends within a value, at byte 0"),
        ("long", b"\x80", "ends within a value, at byte 1"),
        ("long", b"\x80" * 11, "a number of more than 10 bytes, at byte 0"),
        ("long", b"\x02\x02", "1 byte after the value"),
        ("double", b"\x02", "ends within a value"),
        ("float", b"\x02", "ends within a value"),
        ("string", b"\x08ab", "a length of 4, at byte 0, with 2 bytes remaining"),
        ("string", b"\x01", "a length of -1"),
        ("string", b"\x04a\xff", "a text of the Avro is not UTF-8, at byte 2"),
        ("boolean", b"\x02", "2 is not a boolean, at byte 0"),
        (["null", "long"], b"\x04", "type 2 of a union of 2, at byte 0"),
        (["null", "long"], b"\x01", "type -1 of a union of 2"),
        (READING["fields"][3]["type"], b"\x04", "symbol 2 of an enum of 2, at byte 0"),
        ({"type": "fixed", "name": "F", "size": 4}, b"\x04", "ends within a value"),
    ],
)
def test_data_of_another_schema_is_rejected_with_its_place(schema, data, reason):
    with pytest.raises(DecodeError) as error:
        made(schema).decode(data)
    assert reason in error.value.detail


NODE = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]}
EMPTY = {"type": "record", "name": "E", "fields": []}


@pytest.mark.parametrize(
    ("schema", "data", "reason"),
    [
        (NODE, b"\x02" * 200_000 + b"\x00", "nested deeper than 128 levels"),
        (
            {"type": "array", "items": "null"},
            b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00",
            "more than 1,048,576 values",
        ),
        ({"type": "array", "items": EMPTY}, b"\x80\x80\x80\x01\x00", "more than 1,048,576 values"),
        ({"type": "map", "values": "null"}, b"\x80\x80\x80\x80\x02\x00", "more than 1,048,576 values"),
        ({"type": "array", "items": "null"}, b"\x01", "ends within a value"),
    ],
)
def test_values_from_few_bytes_are_limited(schema, data, reason):
    with pytest.raises(DecodeError) as error:
        made(schema).decode(data)
    assert reason in error.value.detail


@given(st.integers(0, 200))
def test_deepest_value_of_a_recursive_schema_is_read(levels):
    payload = b"\x02" * levels + b"\x00"
    if levels <= 128:
        assert made(NODE).decode(payload)
    else:
        with pytest.raises(DecodeError, match="nested deeper than 128 levels"):
            made(NODE).decode(payload)


@given(st.integers(0, 40), st.integers(1, 40))
def test_avro_array_has_values_up_to_the_limit(items, limit):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reader, "MAX_VALUES", limit)
        decoder, payload = made({"type": "array", "items": "null"}), bytes([2 * items]) + b"\0" * (items > 0)
        if items <= limit:
            assert decoder.decode(payload) == [None] * items
        else:
            with pytest.raises(DecodeError, match=f"more than {limit} values"):
                decoder.decode(payload)


def test_values_are_counted_over_all_arrays(monkeypatch):
    monkeypatch.setattr(reader, "MAX_VALUES", 5)
    nested = made({"type": "array", "items": {"type": "array", "items": "long"}})
    assert nested.decode(b"\x04\x02\x02\x00\x02\x02\x00\x00") == [[1], [1]]
    with pytest.raises(DecodeError, match="more than 5 values"):
        nested.decode(b"\x04\x04\x02\x02\x00\x04\x02\x02\x00\x00")


def test_header_of_confluent_names_the_schema():
    decoder = AvroDecoder({7: parse_schema(b'"long"'), 9: parse_schema(b'"string"')}, confluent=True)
    assert decoder.decode(b"\0\0\0\0\x07\x02") == 1
    assert decoder.decode(b"\0\0\0\0\x09\x02a") == "a"
    assert decoder.encode(1) == b"\0\0\0\0\x07\x02"
    with pytest.raises(DecodeError, match="has the schema 8; the mapping knows 7, 9"):
        decoder.decode(b"\0\0\0\0\x08\x02")
    for data in (b"\x02", b"\0\0\0\0", b"\1\0\0\0\7\2"):
        with pytest.raises(DecodeError, match="not Avro with the header of Confluent"):
            decoder.decode(data)
    assert made("long", confluent=True).decode(b"\0\0\0\1\xff\x02") == 1


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"machin": "x"}, "plant.Reading has no field 'machin'"),
        (VALUE | {"ts": "x"}, "the payload.ts: expected long, found x"),
        (VALUE | {"ts": True}, "the payload.ts: expected long, found True"),
        (VALUE | {"ts": 2**63}, "the payload.ts: expected long"),
        (VALUE | {"state": "ON"}, "the payload.state: expected one of RUN, STOP, found ON"),
        (VALUE | {"id": [1]}, "the payload.id: expected 2 bytes, found 1"),
        (VALUE | {"raw": [256]}, "bytes must be in range"),
        (VALUE | {"temperature": "hot"}, "the payload.temperature: expected float, found hot"),
        (VALUE | {"samples": 1}, "the payload.samples: expected array"),
        (VALUE | {"tags": {"a": 1}}, "the payload.tags.a: expected string, found 1"),
        (VALUE | {"ok": 1}, "the payload.ok: expected boolean"),
        ([], "the payload: expected plant.Reading, found []"),
    ],
)
def test_value_that_is_none_of_the_schema_cannot_be_written(value, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        made(READING).encode(value)


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (b"{", "line 1, column 2: not JSON"),
        (b"5", "the schema: expected a type, found 5"),
        (b'"Reading"', "unknown type 'Reading'; a type is declared before it is used"),
        (b"{}", "the schema: 'type' is missing"),
        (b'{"type": "array"}', "'items' is missing in an array"),
        (b'{"type": "map"}', "'values' is missing in a map"),
        (b"[]", "a union without a type"),
        (b'[["null"]]', "a union within a union"),
        (b'{"type": "record", "fields": []}', "the record needs a name"),
        (b'{"type": "record", "name": "R"}', "a record needs 'fields', a list"),
        (b'{"type": "record", "name": "R", "fields": [{"name": "a"}]}', "each field needs 'name' and 'type'"),
        (
            b'{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}',
            "the field 'a' occurs twice",
        ),
        (b'{"type": "record", "name": "R", "fields": [{"name": "a", "type": "x.Y"}]}', "the schema.R.a: unknown type"),
        (b'[{"type":"fixed","name":"F","size":1},{"type":"fixed","name":"F","size":1}]', "the name 'F' occurs twice"),
        (b'{"type": "enum", "name": "E", "symbols": []}', "an enum needs 'symbols'"),
        (b'{"type": "fixed", "name": "F", "size": -1}', "a fixed type needs 'size'"),
        (b'{"type":"array","items":' * 200 + b'"int"' + b"}" * 200, "more than 128 levels"),
    ],
)
def test_faulty_schema_is_reported_with_its_place(schema, reason):
    with pytest.raises(SchemaError) as error:
        parse_schema(schema)
    assert reason in str(error.value)


def test_names_are_resolved_in_their_namespace():
    schema = {
        "type": "record", "name": "a.b.Outer", "fields": [
            {"name": "x", "type": {"type": "record", "name": "Inner", "fields": [{"name": "n", "type": "int"}]}},
            {"name": "y", "type": "Inner"},
            {"name": "z", "type": "a.b.Inner"},
        ],
    }  # fmt: skip
    assert made(schema).decode(b"\x02\x04\x06") == {"x": {"n": 1}, "y": {"n": 2}, "z": {"n": 3}}
