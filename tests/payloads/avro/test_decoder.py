import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import DecodeError
from bridge.payloads.avro.decoder import AvroDecoder
from bridge.payloads.avro.schema_parser import parse_schema

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
