"""Any schema and any bytes result in values, or in an error with a reason."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import DecodeError
from bridge.payloads.avro.decoder import AvroDecoder
from bridge.payloads.avro.schema_parser import parse_schema
from bridge.payloads.protobuf.message_types import MessageTypes
from bridge.payloads.protobuf.proto_file import parse_proto
from bridge.payloads.schema_files import SchemaError
from tests.fuzz.mutation import nearly
from tests.payloads.avro.test_decoder import READING, VALUE, made
from tests.payloads.avro.test_reader import NODE
from tests.payloads.protobuf import test_decoder as protobuf
from tests.payloads.protobuf.test_proto_file import COMPILED, SCHEMAS

AVRO = made(READING)
GOOD = [AVRO.encode(VALUE), AVRO.encode(VALUE | {"previous": VALUE, "temperature": None, "samples": []})]


@pytest.mark.parametrize(
    "schema", [READING, NODE, {"type": "array", "items": READING}, ["null", {"type": "map", "values": NODE}]]
)
@given(data=nearly(*GOOD) | st.binary(max_size=30))
def test_avro_bytes_become_a_json_value_or_are_rejected(schema, data):
    try:
        orjson.dumps(made(schema).decode(data))
    except DecodeError as error:
        assert 0 < len(error.detail) < 400  # noqa: PT017 - either is right


@given(
    text=nearly(json.dumps(READING).encode(), json.dumps(NODE).encode(), b'["null", {"type": "array", "items": "int"}]')
)
def test_avro_schema_is_read_or_reports_an_error(text):
    try:
        AvroDecoder({None: parse_schema(text)}, confluent=False)
    except SchemaError as error:
        assert str(error)  # noqa: PT017 - either is right


@given(
    data=nearly(
        protobuf.READING.encode(protobuf.VALUE | {"samples": [1.5]}), b"\x0a\x01a\x6a\x06\x08\x80\xe2\xcf\xaa\x06"
    )
)
def test_protobuf_bytes_become_a_message_or_are_rejected(data):
    try:
        orjson.dumps(protobuf.READING.decode(data))
    except DecodeError as error:
        assert 0 < len(error.detail) < 400  # noqa: PT017 - either is right


@given(text=nearly(*SCHEMAS.values()) | st.text().map(str.encode))
def test_proto_file_is_read_or_reports_an_error(text):
    try:
        parse_proto("a.proto", text)
        types = MessageTypes("a.proto", {**SCHEMAS, "a.proto": text})
    except SchemaError as error:
        assert str(error)  # noqa: PT017 - either is right
        return
    assert isinstance(types.names, tuple)


@given(content=nearly(*COMPILED.values()))
def test_descriptor_set_is_read_or_reports_an_error(content):
    try:
        types = MessageTypes("a.desc", {"a.desc": content})
    except SchemaError as error:
        assert str(error)  # noqa: PT017 - either is right
        return
    for name in types.names[:3]:
        types.find(name)
