"""Reader for the wire format of a Sparkplug payload (org.eclipse.tahu.protobuf.Payload), without generated code.

A message is a sequence of fields. Each field has a tag (field number << 3 | wire type) and a value. A message becomes a
dict of the fields that it contains, with the names below. A name with [] stands for a list. Unknown fields are skipped.
If a field that is not a list occurs several times, its last value is used.

    payload        timestamp, metrics[], seq, uuid, body
    metric         name, alias, timestamp, datatype, is_historical, is_transient, is_null, metadata, properties;
                   the value is in `value` (a number, bool, str or bytes), `dataset` or `template`
    metadata       is_multi_part, content_type, size, seq, file_name, file_type, md5, description
    properties     keys[], values[]: type, is_null, and `value`, `properties` or `sets` (sets[])
    dataset        num_of_columns, columns[], types[], rows[]: elements[]: value
    template       version, metrics[], parameters[]: name, type, value; template_ref, is_definition

Integers are the unsigned 64-bit integers on the wire. Their meaning depends on the datatype (datatypes.py).

Specifications: https://protobuf.dev/programming-guides/encoding/ and section 6.4 of
https://sparkplug.eclipse.org/specification/version/3.0/documents/sparkplug-specification-3.0.0.pdf
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from bridge.errors import DecodeError
from bridge.payloads.float32 import shortest_float32

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DEPTH: Final = 32
"""Maximum number of nested messages, which is enough for 15 nested templates."""

MAX_PARTS: Final = 100_000
"""Maximum number of messages and unknown fields in a payload.

A message of two bytes on the wire can take several hundred bytes of memory.
"""

# Kinds of fields. A plural stands for a repeated field, and a part is a nested message.
_INTEGER, _PARTS, _TEXT, _BOOLEAN, _DOUBLE, _FLOAT, _PART, _BYTES, _TEXTS, _INTEGERS, _PACKED = range(11)
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_WIRE_TYPES = {_INTEGER: _VARINT, _BOOLEAN: _VARINT, _INTEGERS: _VARINT, _DOUBLE: _FIXED64, _FLOAT: _FIXED32}
_MASK64 = 2**64 - 1
_CONTINUES = 0x80
# Number of bits in the longest varint: 10 bytes of 7 bits.
_VARINT_BITS = 70
# Masks for the first six bytes of a varint: the six continuation bits, and the five of them that are set if the varint
# has exactly six bytes.
_CONTINUATIONS, _SIX_BYTES = 0x808080808080, 0x008080808080

_unpack_double: Callable[[bytes, int], tuple[float]] = Struct("<d").unpack_from

Fields: TypeAlias = dict[str, Any]
# Fields by tag: the name, the kind, and the schema of a nested message.
_Schema: TypeAlias = "dict[int, tuple[str, int, _Schema]]"


def read_payload(data: bytes) -> Fields:
    """Return the fields of a payload. Raise DecodeError if it is malformed.

    If a text is not UTF-8, such as a unit in Latin-1, U+FFFD replaces its invalid bytes. The payload then has the field
    `replaced_text`. Rejecting the payload would lose all values of a birth because of one text.
    """
    try:
        try:
            return _read(data, 0, len(data), _PAYLOAD, MAX_DEPTH, [MAX_PARTS])
        except UnicodeDecodeError:
            # Nearly all payloads have only valid texts. So only a payload with an invalid text is read a second time,
            # with U+FFFD for invalid bytes.
            return {**_read(data, 0, len(data), _PAYLOAD, MAX_DEPTH, [MAX_PARTS], "replace"), "replaced_text": True}
    except IndexError:
        raise DecodeError(f"not Sparkplug B: the payload ends within a field, at byte {len(data)}") from None


def _read(  # noqa: C901, PLR0912, PLR0915  the hot loop: a call per field would double its cost
    data: bytes, at: int, end: int, schema: _Schema, depth: int, left: list[int], errors: str = "strict"
) -> Fields:
    """Return the fields of the message at data[at:end]. Raise IndexError if the data ends too early.

    `left[0]` is the number of further messages and unknown fields that the payload may contain. It is in a list because
    all calls for one payload count it down together.
    """
    left[0] -= 1
    if not depth or left[0] < 0:
        raise _too_many()
    message: Fields = {}
    while at < end:
        tag = data[at]
        at += 1
        if tag >= _CONTINUES:
            # Most tags and numbers have only one byte, and need no function call.
            tag, at = _varint(data, at - 1)
        field = schema.get(tag)
        if field is None:
            # Unknown fields are counted too, because skipping millions of them would take many seconds.
            left[0] -= 1
            if left[0] < 0:
                raise _too_many()
            at = _pass_over(data, at, tag)
            continue
        name, kind, inner = field
        if kind == _DOUBLE:
            at += 8
            if at <= end:
                # If the value extends beyond the message, the check after the loop raises the error.
                message[name] = _unpack_double(data, at - 8)[0]
            continue
        if kind == _FLOAT:
            at += 4
            if at <= end:
                message[name] = shortest_float32(data[at - 4 : at])
            continue
        number = data[at]
        at += 1
        if number >= _CONTINUES:
            number, at = _varint(data, at - 1)
        if kind == _INTEGER:
            message[name] = number
        elif kind == _BOOLEAN:
            message[name] = number != 0
        elif kind == _INTEGERS:
            message.setdefault(name, []).append(number)
        else:
            start, at = at, at + number
            if at > end:
                break
            if kind == _PARTS:
                part = _read(data, start, at, inner, depth - 1, left, errors)
                if name in message:
                    message[name].append(part)
                else:
                    message[name] = [part]
            elif kind == _TEXT:
                message[name] = data[start:at].decode("utf-8", errors)
            elif kind == _PART:
                message[name] = _read(data, start, at, inner, depth - 1, left, errors)
            elif kind == _BYTES:
                message[name] = data[start:at]
            elif kind == _TEXTS:
                message.setdefault(name, []).append(data[start:at].decode("utf-8", errors))
            else:
                message.setdefault(name, []).extend(_packed(data, start, at))
    if at != end:
        raise DecodeError(f"not Sparkplug B: a field extends beyond the end of its message, at byte {end}")
    return message


def _too_many() -> DecodeError:
    return DecodeError(f"not Sparkplug B: more than {MAX_PARTS} parts, or deeper than {MAX_DEPTH} levels")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the integer at offset `at`, and the offset after it."""
    word = int.from_bytes(data[at : at + 6], "little")
    # A varint of 6 bytes is read without a loop, which is nearly twice as fast. Every timestamp has 6 bytes.
    if word & _CONTINUATIONS == _SIX_BYTES:
        pairs = (word & 0x007F007F007F) | (word & 0x7F007F007F00) >> 1
        return (pairs & 0x3FFF) | (pairs >> 2 & 0xFFFC000) | (pairs >> 4 & 0x3FFF0000000), at + 6
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        if byte < _CONTINUES:
            return (value | byte << shift) & _MASK64, at
        value |= (byte ^ _CONTINUES) << shift
        shift += 7
        # Without this limit, a long series of continued bytes would become a huge integer, in quadratic time.
        if shift == _VARINT_BITS:
            raise DecodeError(f"not Sparkplug B: an integer of more than 10 bytes, at byte {at - 10}")


def _packed(data: bytes, at: int, end: int) -> list[int]:
    """Return the integers of a packed field."""
    numbers = []
    while at < end:
        number, at = _varint(data, at)
        numbers.append(number)
    if at != end:
        raise DecodeError(f"not Sparkplug B: a field extends beyond the end of its message, at byte {end}")
    return numbers


def _pass_over(data: bytes, at: int, tag: int) -> int:
    """Return the offset after a field that is not in the schema. `at` is the offset of its value."""
    wire_type = tag & 7
    # Field numbers begin with 1. Wire types 3 and 4 (groups) are deprecated, and Sparkplug does not use them.
    if tag >> 3 == 0 or wire_type not in {_VARINT, _FIXED64, _LENGTH, _FIXED32}:
        raise DecodeError(f"not Sparkplug B: no field begins with {tag}, before byte {at}")
    if wire_type == _FIXED64:
        return at + 8
    if wire_type == _FIXED32:
        return at + 4
    number, at = _varint(data, at)
    return at if wire_type == _VARINT else at + number


def _schema(*fields: tuple[int, str, int] | tuple[int, str, int, _Schema]) -> _Schema:
    """Return a schema with these fields. A field is (number, name, kind), or (number, name, kind, nested schema)."""
    return {
        # The key contains the wire type. So a field with an unexpected wire type is unknown, and is skipped.
        number << 3 | _WIRE_TYPES.get(kind, _LENGTH): (name, kind, inner[0] if inner else {})
        for number, name, kind, *inner in fields
    }


def _scalars(first: int) -> tuple[tuple[int, str, int], ...]:
    """Return the six fields for a single value, from int_value to string_value. All of them have the name `value`.

    Every message type with a value has these fields in the same order. `first` is the number of the first field.
    """
    kinds = (_INTEGER, _INTEGER, _FLOAT, _DOUBLE, _BOOLEAN, _TEXT)
    return tuple((first + place, "value", kind) for place, kind in enumerate(kinds))


_METADATA = _schema(
    (1, "is_multi_part", _BOOLEAN),
    (2, "content_type", _TEXT),
    (3, "size", _INTEGER),
    (4, "seq", _INTEGER),
    (5, "file_name", _TEXT),
    (6, "file_type", _TEXT),
    (7, "md5", _TEXT),
    (8, "description", _TEXT),
)
_PROPERTY = _schema((1, "type", _INTEGER), (2, "is_null", _BOOLEAN), *_scalars(3))
_PROPERTIES = _schema((1, "keys", _TEXTS), (2, "values", _PARTS, _PROPERTY))
# These fields are added afterwards, because a property may contain property sets.
_PROPERTY |= _schema(
    (9, "properties", _PART, _PROPERTIES), (10, "sets", _PART, _schema((1, "sets", _PARTS, _PROPERTIES)))
)
_ROW = _schema((1, "elements", _PARTS, _schema(*_scalars(1))))
_DATASET = _schema(
    (1, "num_of_columns", _INTEGER),
    (2, "columns", _TEXTS),
    # A repeated number may be sent packed or unpacked, so both forms are accepted.
    (3, "types", _INTEGERS),
    (3, "types", _PACKED),
    (4, "rows", _PARTS, _ROW),
)
_METRIC = _schema(
    (1, "name", _TEXT),
    (2, "alias", _INTEGER),
    (3, "timestamp", _INTEGER),
    (4, "datatype", _INTEGER),
    (5, "is_historical", _BOOLEAN),
    (6, "is_transient", _BOOLEAN),
    (7, "is_null", _BOOLEAN),
    (8, "metadata", _PART, _METADATA),
    (9, "properties", _PART, _PROPERTIES),
    *_scalars(10),
    (16, "value", _BYTES),
    (17, "dataset", _PART, _DATASET),
)
_TEMPLATE = _schema(
    (1, "version", _TEXT),
    (2, "metrics", _PARTS, _METRIC),
    (3, "parameters", _PARTS, _schema((1, "name", _TEXT), (2, "type", _INTEGER), *_scalars(3))),
    (4, "template_ref", _TEXT),
    (5, "is_definition", _BOOLEAN),
)
# This field is added afterwards, because templates contain metrics.
_METRIC |= _schema((18, "template", _PART, _TEMPLATE))
_PAYLOAD = _schema(
    (1, "timestamp", _INTEGER),
    (2, "metrics", _PARTS, _METRIC),
    (3, "seq", _INTEGER),
    (4, "uuid", _TEXT),
    (5, "body", _BYTES),
)
