"""Parser of `.proto` files. The result is a descriptor, reduced to the parts that decoding needs.

Messages, enums, oneofs, maps and imports of proto2 and proto3 are read. Options (except `allow_alias`), reserved
numbers, services and extensions are skipped. Files with groups or editions are refused: users must compile them to a
descriptor set with protoc.

The descriptor pool of the `protobuf` package resolves the names of types later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from google.protobuf import descriptor_pb2

from bridge.payloads.protobuf.tokens import Tokens
from bridge.payloads.schema_files import SchemaError

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import (
        DescriptorProto,
        EnumDescriptorProto,
        FieldDescriptorProto,
        FileDescriptorProto,
    )

_FIELD: Final = descriptor_pb2.FieldDescriptorProto
SCALARS: Final = {
    name: getattr(_FIELD, f"TYPE_{name.upper()}")
    for name in (
        *("double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64"),
        *("fixed32", "fixed64", "sfixed32", "sfixed64", "bool", "string", "bytes"),
    )
}
_LABELS: Final = {
    "optional": _FIELD.LABEL_OPTIONAL,
    "required": _FIELD.LABEL_REQUIRED,
    "repeated": _FIELD.LABEL_REPEATED,
}
_PAIRS: Final = {"{": "}", "[": "]", "(": ")", "<": ">"}
# Maximum number of nested levels of messages, and of brackets in options.
_MAX_DEPTH: Final = 64


def parse_proto(name: str, text: bytes) -> FileDescriptorProto:
    """Return the descriptor of the file `name`. Raise SchemaError."""
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SchemaError(f"not UTF-8: byte {error.start}") from None
    return _ProtoReader(name, Tokens(decoded)).read()


class _ProtoReader:
    """Reader of one file."""

    def __init__(self, name: str, tokens: Tokens) -> None:
        self._tokens = tokens
        self._file = descriptor_pb2.FileDescriptorProto(name=name, syntax="proto2")

    def read(self) -> FileDescriptorProto:
        tokens = self._tokens
        while tokens.next.kind != "end":
            word = (
                tokens.name("message, enum, import, package, syntax, option or service") if not tokens.skip(";") else ""
            )
            if word == "syntax":
                self._syntax()
            elif word == "edition":
                raise SchemaError(f"line {tokens.next.line}: editions need a descriptor set, made by protoc")
            elif word == "package":
                self._file.package = tokens.name("the name of a package")
                tokens.expect(";")
            elif word == "import":
                tokens.skip("public")
                tokens.skip("weak")
                self._file.dependency.append(tokens.string("the path of a file, in quotes"))
                tokens.expect(";")
            elif word == "message":
                self._message(self._file.message_type.add(), 0)
            elif word == "enum":
                self._enum(self._file.enum_type.add())
            elif word:
                self._skip_statement(word)
        return self._file

    def _syntax(self) -> None:
        self._tokens.expect("=")
        syntax = self._tokens.string('"proto2" or "proto3"')
        if syntax not in {"proto2", "proto3"}:
            raise SchemaError(f"line {self._tokens.next.line}: syntax '{syntax[:20]}'; expected proto2 or proto3")
        self._file.syntax = syntax
        self._tokens.expect(";")

    def _message(self, message: DescriptorProto, depth: int) -> None:
        """Read the definition of a message, beginning with its name."""
        tokens = self._tokens
        if depth > _MAX_DEPTH:
            raise tokens.error(f"at most {_MAX_DEPTH} messages within each other")
        message.name = tokens.name("the name of a message")
        tokens.expect("{")
        while not tokens.skip("}"):
            self._member(message, depth)
        # A descriptor has a oneof for each `optional` field of proto3. These oneofs must come after the oneofs that the
        # file declares.
        for field in message.field:
            if field.proto3_optional:
                field.oneof_index = len(message.oneof_decl)
                message.oneof_decl.add(name=f"_{field.name}")

    def _member(self, message: DescriptorProto, depth: int) -> None:
        """Read one statement of a message."""
        tokens = self._tokens
        if tokens.skip(";"):
            return
        word = tokens.name("a field, message, enum, oneof or '}'")
        # A type may be named like a keyword. So the kind of the next word decides whether this word is a keyword.
        if word == "message" and tokens.next.kind == "name":
            self._message(message.nested_type.add(), depth + 1)
        elif word == "enum" and tokens.next.kind == "name":
            self._enum(message.enum_type.add())
        elif word == "oneof" and tokens.next.kind == "name":
            self._oneof(message)
        elif word == "map" and tokens.skip("<"):
            self._map(message)
        elif word in {"option", "reserved", "extensions", "extend"}:
            self._skip_statement(word)
        elif word in _LABELS:
            self._labelled(message, word)
        else:
            self._field(message.field.add(label=_FIELD.LABEL_OPTIONAL), word)

    def _labelled(self, message: DescriptorProto, label: str) -> None:
        field = message.field.add(label=_LABELS[label])
        field.proto3_optional = label == "optional" and self._file.syntax == "proto3"
        self._field(field, self._tokens.name("the type of a field"))

    def _field(self, field: FieldDescriptorProto, type_name: str) -> None:
        """Read a field, beginning with its name."""
        tokens = self._tokens
        if type_name == "group":
            raise SchemaError(f"line {tokens.next.line}: groups need a descriptor set, made by protoc")
        if type_name in SCALARS:
            field.type = SCALARS[type_name]
        else:
            field.type_name = type_name
        field.name = tokens.name("the name of a field")
        tokens.expect("=")
        field.number = self._field_number()
        if not field.proto3_optional:
            field.ClearField("proto3_optional")
        self._end_of_field()

    def _field_number(self) -> int:
        number = self._tokens.number("the number of the field")
        if not 1 <= number < 1 << 29:
            raise SchemaError(
                f"line {self._tokens.next.line}: expected a field number from 1 to 536,870,911, found {number}"
            )
        return number

    def _end_of_field(self) -> None:
        if self._tokens.next.text == "[":
            self._skip_pair()
        self._tokens.expect(";")

    def _oneof(self, message: DescriptorProto) -> None:
        tokens = self._tokens
        index = len(message.oneof_decl)
        message.oneof_decl.add(name=tokens.name("the name of a oneof"))
        tokens.expect("{")
        while not tokens.skip("}"):
            if tokens.skip(";"):
                continue
            word = tokens.name("a field or '}'")
            if word == "option":
                self._skip_statement(word)
            else:
                self._field(message.field.add(label=_FIELD.LABEL_OPTIONAL, oneof_index=index), word)

    def _map(self, message: DescriptorProto) -> None:
        """Read a map field, beginning with the type of its keys.

        On the wire, a map is a repeated message with a key and a value.
        """
        tokens = self._tokens
        key = tokens.name("the type of a map's keys")
        tokens.expect(",")
        value = tokens.name("the type of a map's values")
        tokens.expect(">")
        field = message.field.add(label=_FIELD.LABEL_REPEATED, type=_FIELD.TYPE_MESSAGE)
        field.name = tokens.name("the name of a field")
        tokens.expect("=")
        field.number = self._field_number()
        self._end_of_field()
        field.type_name = "".join(part[:1].upper() + part[1:] for part in field.name.split("_")) + "Entry"
        entry = message.nested_type.add(name=field.type_name)
        entry.options.map_entry = True
        for number, (name, type_name) in enumerate((("key", key), ("value", value)), 1):
            member = entry.field.add(name=name, number=number, label=_FIELD.LABEL_OPTIONAL)
            if type_name in SCALARS:
                member.type = SCALARS[type_name]
            else:
                member.type_name = type_name

    def _enum(self, enum: EnumDescriptorProto) -> None:
        tokens = self._tokens
        enum.name = tokens.name("the name of an enum")
        tokens.expect("{")
        while not tokens.skip("}"):
            if tokens.skip(";"):
                continue
            word = tokens.name("a value of the enum or '}'")
            if word in {"option", "reserved"} and tokens.next.text != "=":
                enum.options.allow_alias = enum.options.allow_alias or tokens.next.text == "allow_alias"
                self._skip_statement(word)
                continue
            tokens.expect("=")
            enum.value.add(name=word, number=self._enum_number())
            self._end_of_field()

    def _enum_number(self) -> int:
        number = self._tokens.number("the number of the value")
        if not -(1 << 31) <= number < 1 << 31:
            raise SchemaError(
                f"line {self._tokens.next.line}: expected the number of an enum value, of 32 bits, found {number}"
            )
        return number

    def _skip_statement(self, word: str) -> None:
        """Skip a statement that does not affect the wire format, up to its `;` or its closing brace."""
        tokens = self._tokens
        braces = word in {"service", "extend"}
        if word not in {"service", "extend", "option", "reserved", "extensions"}:
            raise SchemaError(f"line {tokens.next.line}: '{word[:40]}' is unexpected here")
        while not tokens.skip(";"):
            if tokens.next.kind == "end":
                raise tokens.error("';'")
            if tokens.next.text in _PAIRS and tokens.next.kind == "sign":
                ended = tokens.next.text == "{" and braces
                self._skip_pair()
                if ended:
                    return
            else:
                tokens.take()

    def _skip_pair(self) -> None:
        """Skip a pair of brackets with everything between them."""
        tokens, open_ = self._tokens, [_PAIRS[self._tokens.take().text]]
        while open_:
            token = tokens.take()
            if token.kind == "end" or len(open_) > _MAX_DEPTH:
                raise tokens.error(f"'{open_[-1]}'")
            if token.kind == "sign" and token.text == open_[-1]:
                open_.pop()
            elif token.kind == "sign" and token.text in _PAIRS:
                open_.append(_PAIRS[token.text])
