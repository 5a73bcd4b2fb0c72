"""Datatypes of Sparkplug B: conversion of a metric's fields to the value that an expression sees.

Int8 to Int64            a signed integer; it is sent as two's complement in an unsigned integer
UInt8 to UInt64          an unsigned integer; bits above the datatype's width are dropped, as with Int8 to Int64
Float                    the shortest number that rounds to the 32-bit float: 28.7, not 28.700000762939453
Float, Double            NaN and the infinities become the texts 'NaN', 'Infinity' and '-Infinity'
DateTime                 milliseconds since 1970
String, Text, UUID       text
Bytes, File              a list of integers from 0 to 255
arrays                   a list
DataSet                  {columns: [name], types: [datatype], rows: [[value]]}
Template                 see readings.py

A value that does not match its datatype is returned as it was sent. See sections 6.4.16 and 6.4.17 of the Sparkplug 3.0
specification.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

from bridge.errors import DecodeError
from bridge.payloads.float32 import shortest_float32

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.payloads.sparkplug.wire_format import Fields

DATATYPES = (
    *("Unknown", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float", "Double"),
    *("Boolean", "String", "DateTime", "Text", "UUID", "DataSet", "Bytes", "File", "Template", "PropertySet"),
    *("PropertySetList", "Int8Array", "Int16Array", "Int32Array", "Int64Array", "UInt8Array", "UInt16Array"),
    *("UInt32Array", "UInt64Array", "FloatArray", "DoubleArray", "BooleanArray", "StringArray", "DateTimeArray"),
)
"""Names of the datatypes. The index of a name is the number of its datatype."""
UNKNOWN_TYPE = DATATYPES[0]

MAX_BOOLEANS = 1_000_000
"""Maximum number of booleans in one array. One bit on the wire becomes 8 bytes in memory."""

# Size of the count at the beginning of an array of booleans.
_COUNT_BYTES = 4


def datatype_name(number: int) -> str:
    """Return the name of a datatype, such as 'Int32', or 'Unknown' for an undefined number."""
    return DATATYPES[number] if number < len(DATATYPES) else UNKNOWN_TYPE


def value_of(fields: Fields, datatype: int) -> Any:
    """Return the value of a metric, property, parameter or data set element, or None if it has no value.

    Raise DecodeError. Templates are read in `readings.py`.
    """
    value = fields.get("value")
    if value is None:
        return _data_set(fields["dataset"]) if "dataset" in fields else None
    convert = _CONVERTERS.get(datatype)
    return _as_sent(value) if convert is None else convert(value)


def _as_sent(value: Any) -> Any:
    """Return a value of the wire format as a JSON value, without a conversion by datatype."""
    if isinstance(value, float):
        return value if math.isfinite(value) else _not_finite(value)
    return list(value) if isinstance(value, bytes) else value


def _not_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def properties_of(fields: Fields) -> dict[str, Any]:
    """Return a property set as an object. Raise DecodeError if the numbers of keys and values differ."""
    keys, values = fields.get("keys", []), fields.get("values", [])
    if len(keys) != len(values):
        raise DecodeError(f"not Sparkplug B: a property set of {len(keys)} keys and {len(values)} values")
    return {key: _property(value) for key, value in zip(keys, values, strict=True)}


def _property(fields: Fields) -> Any:
    """Return the value of a property, which may be a property set or a list of property sets."""
    if fields.get("is_null"):
        return None
    if "properties" in fields:
        return properties_of(fields["properties"])
    if "sets" in fields:
        return [properties_of(each) for each in fields["sets"].get("sets", [])]
    return value_of(fields, fields.get("type", 0))


def _data_set(fields: Fields) -> dict[str, Any]:
    """Return a data set as an object with columns, types and rows."""
    types = fields.get("types", [])
    return {
        "columns": fields.get("columns", []),
        "types": [*map(datatype_name, types)],
        "rows": [_row(row.get("elements", []), types) for row in fields.get("rows", [])],
    }


def _row(elements: list[Fields], types: list[int]) -> list[Any]:
    """Return the values of a row. A row may have more elements than the data set has columns."""
    return [value_of(each, types[place] if place < len(types) else 0) for place, each in enumerate(elements)]


def _signed(bits: int) -> Callable[[Any], Any]:
    """Return a function that converts an unsigned integer to a signed integer of `bits` bits."""
    half, whole = 1 << bits - 1, 1 << bits

    def convert(value: Any) -> Any:
        if type(value) is not int:
            return _as_sent(value)
        # Bits above the width of the datatype are dropped.
        value &= whole - 1
        return value - whole if value >= half else value

    return convert


def _unsigned(bits: int) -> Callable[[Any], Any]:
    """Return a function that reduces an unsigned integer to its lowest `bits` bits.

    This is necessary because some nodes sign-extend: they send the UInt8 255 as 4294967295.
    """
    mask = (1 << bits) - 1

    def convert(value: Any) -> Any:
        return value & mask if type(value) is int else _as_sent(value)

    return convert


def _array(code: str) -> Callable[[Any], Any]:
    """Return a function that converts packed little-endian data to a list. `code` is the `struct` format of an item."""
    size = struct.calcsize(f"<{code}")

    def convert(value: Any) -> Any:
        if not isinstance(value, bytes):
            return _as_sent(value)
        if len(value) % size:
            raise DecodeError(f"not Sparkplug B: an array of {size}-byte values in {len(value)} bytes")
        if code == "f":
            return [_as_sent(shortest_float32(value[at : at + size])) for at in range(0, len(value), size)]
        numbers = struct.unpack(f"<{len(value) // size}{code}", value)
        return [*map(_as_sent, numbers)] if code == "d" else [*numbers]

    return convert


def _boolean(value: Any) -> Any:
    """Return the boolean that an integer on the wire represents."""
    return value != 0 if type(value) is int else _as_sent(value)


def _boolean_array(value: Any) -> Any:
    """Return the booleans of an array.

    The data begins with the number of booleans, in 4 bytes. Then each bit is a boolean, from the highest bit of each
    byte to the lowest.
    """
    if not isinstance(value, bytes):
        return _as_sent(value)
    count = int.from_bytes(value[:_COUNT_BYTES], "little")
    bits = value[_COUNT_BYTES:]
    if len(value) < _COUNT_BYTES or count > min(8 * len(bits), MAX_BOOLEANS):
        raise DecodeError(f"not Sparkplug B: an array of {count} booleans in {len(value)} bytes")
    return [bits[place >> 3] >> (7 - (place & 7)) & 1 == 1 for place in range(count)]


def _string_array(value: Any) -> Any:
    """Return the texts of an array. Each text ends with a zero byte, which may be missing after the last text."""
    if not isinstance(value, bytes):
        return _as_sent(value)
    texts = value.decode(errors="replace").split("\0")
    return texts if texts[-1] else texts[:-1]


# Converters by datatype. Values of the other datatypes are returned as they were sent.
_CONVERTERS: dict[int, Callable[[Any], Any]] = {
    # The keys are indexes of DATATYPES: 1 to 8 for Int8 to UInt64, 22 to 31 for the arrays of numbers.
    **{1 + place: _signed(8 << place) for place in range(4)},
    **{5 + place: _unsigned(8 << place) for place in range(4)},
    11: _boolean,
    13: _signed(64),
    **{22 + place: _array(code) for place, code in enumerate("bhiqBHIQfd")},
    32: _boolean_array,
    33: _string_array,
    34: _array("q"),
}
