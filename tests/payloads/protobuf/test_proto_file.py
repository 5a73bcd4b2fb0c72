"""`.proto` files against `protoc.desc`, which protoc 35.1 has made of the same files:

protoc -Ischemas --include_imports --descriptor_set_out=protoc.desc schemas/plant/reading.proto schemas/legacy.proto
"""

from pathlib import Path

import pytest

from bridge.payloads.protobuf.message_types import MessageTypes
from bridge.payloads.protobuf.proto_file import parse_proto
from bridge.payloads.schema_files import SchemaError

HERE = Path(__file__).parent
SCHEMAS = {str(file.relative_to(HERE / "schemas")): file.read_bytes() for file in (HERE / "schemas").rglob("*.proto")}
COMPILED = {"protoc.desc": (HERE / "protoc.desc").read_bytes()}


def facts(descriptor, seen=None):
    """Everything about a message type that concerns its bytes and its values, and of the types in it."""
    seen = {} if seen is None else seen
    if descriptor.full_name in seen:
        return seen
    seen[descriptor.full_name] = [
        (
            field.name, field.number, field.type, field.is_repeated, field.has_presence,
            field.message_type and field.message_type.full_name,
            field.enum_type and [(value.name, value.number) for value in field.enum_type.values],
            field.containing_oneof and field.containing_oneof.name,
        )
        for field in descriptor.fields
    ]  # fmt: skip
    for field in descriptor.fields:
        if field.message_type is not None:
            facts(field.message_type, seen)
    return seen


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("plant/reading.proto", "plant.Reading"),
        ("plant/common.proto", "plant.common.Site"),
        ("legacy.proto", "legacy.Order"),
    ],
)
def test_file_has_the_types_that_protoc_makes_of_it(file, name):
    own, compiled = MessageTypes(file, SCHEMAS).find(name), MessageTypes("protoc.desc", COMPILED).find(name)
    assert facts(own) == facts(compiled)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("message A {", "line 1, column 12: expected a field, message, enum, oneof or '}', found the end"),
        ("message A { string a 1; }", "line 1, column 22: expected '=', found '1'"),
        ("message A { string a = x; }", "expected the number of the field, found 'x'"),
        ("message A { string a = 0; }", "expected a field number from 1 to 536,870,911, found 0"),
        ("message A { string a = 1 [x = 1; }", "expected ']', found the end"),
        ("message A { optional group B = 1 {} }", "groups need a descriptor set"),
        ("message A { oneof o { repeated int32 a = 1; } }", "expected '=', found 'a'"),
        ("message A { map<string int32> a = 1; }", "expected ',', found 'int32'"),
        ('edition = "2023";', "editions need a descriptor set"),
        ('syntax = "proto4";', "syntax 'proto4'; expected proto2 or proto3"),
        ("syntax = proto3;", 'expected "proto2" or "proto3", found \'proto3\''),
        ("import a;", "expected the path of a file, in quotes"),
        ("enum E { A }", "expected '=', found '}'"),
        ("enum E { A = x; }", "expected the number of the value"),
        ("enum E { A = 2147483648; }", "line 1: expected the number of an enum value, of 32 bits, found 2147483648"),
        ("enum E { A = -2147483649; }", "of 32 bits, found -2147483649"),
        ("messag A {}", "'messag' is unexpected here"),
        ("option a = 1", "expected ';', found the end"),
        ("service S { rpc", "expected '}', found the end"),
        ("message A \x01", "column 11: '\x01' is unexpected here"),
        ('import "a', "column 8: '\"' is unexpected here"),
        ("message A {" * 100, "at most 64 messages within each other"),
        ("option x = " + "{" * 60, "found the end"),
        ("option x = " + "{" * 100, "expected '}', found '{'"),
        ("\n\n  x", "line 3"),
    ],
)
def test_faulty_file_is_reported_with_its_place(text, reason):
    with pytest.raises(SchemaError) as error:
        parse_proto("a.proto", text.encode())
    assert reason in str(error.value)


def test_file_that_is_not_utf8_is_reported():
    with pytest.raises(SchemaError, match="not UTF-8: byte 3"):
        parse_proto("a.proto", b"// \xff")


def test_number_of_an_enum_value_has_32_bits():
    found = parse_proto("a.proto", b"enum E { A = -2147483648; B = 0x7fffffff; }")
    assert [value.number for value in found.enum_type[0].value] == [-(2**31), 2**31 - 1]
