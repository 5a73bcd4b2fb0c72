"""Limit of the number of values in a message. The values are counted before decoding, to save memory.

A field of two bytes can take 70 bytes of memory. Each value takes at least one byte of the message. So the values of a
message of at most MAX_VALUES bytes are not counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from google.protobuf.descriptor import FieldDescriptor

from bridge.errors import DecodeError
from bridge.payloads.json_values import MAX_VALUES

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

Fields: TypeAlias = "dict[int, Fields | int]"
"""Fields that may contain several values, by field number.

The dict's value is the `Fields` of a nested message, or the minimum size in bytes of one value of a packed field.
"""

MAX_LEVELS: Final = 100
"""Maximum number of nested levels. The `protobuf` package rejects a message with more levels."""
_VARINT, _FIXED64, _LENGTH, _START_GROUP, _END_GROUP, _FIXED32 = range(6)
# Number of bytes after the tag, by the three lowest bits of the tag. The other kinds have no fixed size.
_FIXED_BYTES: Final = (0, 8, 0, 0, 0, 4, 0, 0)
_WIDTHS: Final = {
    **dict.fromkeys((FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_FIXED32, FieldDescriptor.TYPE_SFIXED32), 4),
    **dict.fromkeys((FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FIXED64, FieldDescriptor.TYPE_SFIXED64), 8),
}


def counted_fields(descriptor: Descriptor, known: dict[str, Fields] | None = None) -> Fields:
    """Return the fields of a message type that may contain several values.

    `known` has the results for the types visited so far, because a type may contain itself.
    """
    known = {} if known is None else known
    name = descriptor.full_name
    if name not in known:
        found = known[name] = {}
        for field in descriptor.fields:
            if field.message_type is not None:
                found[field.number] = counted_fields(field.message_type, known)
            elif field.is_repeated and field.type not in {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES}:
                found[field.number] = _WIDTHS.get(field.type, 1)
    return known[name]


def check_values(data: bytes, fields: Fields) -> None:
    """Raise DecodeError if there are more than MAX_VALUES values.

    For malformed data, return without an error. The decoder reports malformed data afterwards.
    """
    left = MAX_VALUES
    at, end, inner = 0, len(data), fields
    outer: list[tuple[int, Any]] = []
    try:
        while True:
            while at == end and outer:
                end, inner = outer.pop()
            if at >= end or len(outer) > MAX_LEVELS:
                return
            tag, at = _varint(data, at)
            kind = tag & 7
            at += _FIXED_BYTES[kind]
            left -= 1
            if kind == _VARINT:
                _, at = _varint(data, at)
            elif kind == _LENGTH:
                size, at = _varint(data, at)
                of_field = inner.get(tag >> 3)
                if type(of_field) is dict and size:
                    # Continue inside the nested message, and then after it.
                    outer.append((end, inner))
                    end, inner = at + size, of_field
                else:
                    left -= size // of_field if type(of_field) is int else 0
                    at += size
            elif kind in {_START_GROUP, _END_GROUP}:
                end, inner = _group(tag, end, inner, outer)
            # A length beyond the end is malformed. It does not count values, so that the decoder reports it.
            if left < 0 and at <= end:
                raise DecodeError(f"not usable: the message holds more than {MAX_VALUES:,} values")
    except IndexError:
        return


def _group(tag: int, end: int, inner: Fields, outer: list[tuple[int, Any]]) -> tuple[int, Fields]:
    """Return the end and the fields that apply after the tag that begins or ends a group. Change `outer` accordingly.

    The fields in a group have numbers of their own. They must not be counted as fields of the message around it.
    """
    if tag & 7 == _END_GROUP:
        return outer.pop() if outer else (end, inner)
    outer.append((end, inner))
    of_field = inner.get(tag >> 3)
    return end, of_field if type(of_field) is dict else {}


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number, and the offset after it. Raise IndexError if the number is incomplete."""
    byte = data[at]
    at += 1
    if byte < 0x80:  # noqa: PLR2004 - the highest bit is set if another byte follows
        return byte, at
    value, shift = byte & 0x7F, 7
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80 or shift > 63:  # noqa: PLR2004 - at most 10 bytes
            return value, at
        shift += 7
