import json

import pytest

from bridge.payloads.avro.schema_parser import MAX_FIXED_BYTES, parse_schema
from bridge.payloads.schema_files import SchemaError
from tests.payloads.avro.test_decoder import made


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


def parsed(schema):
    return parse_schema(json.dumps(schema).encode())


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"type": "string"}, "string"),
        (["null", "string"], "union"),
        ({"type": {"type": "map", "values": "int"}}, "map"),
    ],
)
def test_type_may_be_an_object_or_a_list(given, kind):
    assert parsed({"type": given}).kind == kind
    record = parsed({"type": "record", "name": "R", "fields": [{"name": "a", "type": {"type": given}}]})
    assert record.fields[0][1].kind == kind


@pytest.mark.parametrize("given", [5, True, [], {}, [["null"]], {"type": []}])
def test_type_that_is_none_is_reported(given):
    with pytest.raises(SchemaError, match="the schema"):
        parsed({"type": given})


def test_name_without_a_namespace_is_also_found_from_within_one():
    inner = {"type": "fixed", "name": "F", "size": 1}
    outer = {"type": "record", "name": "R", "namespace": "a", "fields": [{"name": "f", "type": "F"}]}
    assert parsed([inner, outer]).inner[1].fields[0][1].size == 1


def test_type_of_the_own_namespace_is_preferred():
    fields = [{"name": "own", "type": {"type": "fixed", "name": "F", "size": 2}}, {"name": "again", "type": "F"}]
    outer = {"type": "record", "name": "R", "namespace": "a", "fields": fields}
    found = parsed([{"type": "fixed", "name": "F", "size": 1}, outer])
    assert [each.size for _, each in found.inner[1].fields] == [2, 2]


def test_error_of_a_protocol_is_a_record():
    assert parsed({"type": "error", "name": "E", "fields": []}).kind == "record"


@pytest.mark.parametrize(
    "options",
    [
        {"logicalType": "decimal", "scale": -1},
        {"logicalType": "decimal", "scale": 101},
        {"logicalType": "decimal", "scale": "2"},
        {"logicalType": ["decimal"]},
        {"logicalType": "uuid"},
    ],
)
def test_logical_type_that_is_invalid_is_ignored(options):
    assert parsed({"type": "fixed", "name": "F", "size": 15, **options}).logical == ""


@pytest.mark.parametrize("size", [-1, MAX_FIXED_BYTES + 1, True, 1.0, "1", None])
def test_size_of_a_fixed_type_beyond_the_limits_is_reported(size):
    assert parsed({"type": "fixed", "name": "F", "size": MAX_FIXED_BYTES}).size == 1 << 24
    with pytest.raises(SchemaError, match="at most 16,777,216 bytes"):
        parsed({"type": "fixed", "name": "F", "size": size})


def test_schema_has_up_to_128_levels():
    text = b'{"type":"array","items":' * 128 + b'"int"' + b"}" * 128
    assert parse_schema(text).kind == "array"
    with pytest.raises(SchemaError, match="more than 128 levels"):
        parse_schema(b'{"type":' + text + b"}")
