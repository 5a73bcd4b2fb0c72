"""Reader of Avro's binary encoding. A schema is compiled to one closure per type.

A closure reads the value at an offset. It returns the value, and the offset after the value. It raises IndexError or
struct.error if the data ends too early. All values are counted, even values without bytes, because eight bytes can
announce any number of values without bytes.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable
from decimal import Context, Decimal
from struct import Struct, error
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from bridge.durations import pluralize
from bridge.errors import DecodeError
from bridge.payloads.float32 import shortest_float32
from bridge.payloads.json_values import MAX_DEPTH, MAX_INTEGER, MAX_VALUES, MIN_INTEGER

if TYPE_CHECKING:
    from bridge.payloads.avro.schema_parser import AvroType

Read: TypeAlias = Callable[[bytes, int, "AvroBudget"], tuple[Any, int]]

# Bit of a varint's byte that is set if another byte follows.
_CONTINUES: Final = 0x80
# Number of bits in the longest varint: 10 bytes of 7 bits.
_VARINT_BITS: Final = 70
EXACT: Final = Context(prec=5000)
"""Precision of a decimal: 5,000 digits, slightly more than a decimal of _MAX_DECIMAL_BYTES can have."""
# Maximum size of a decimal in bytes. Larger decimals are rejected, because converting them takes quadratic time.
_MAX_DECIMAL_BYTES: Final = 2000
_unpack_double: Final = Struct("<d").unpack_from


class AvroBudget:
    """Number of further values, and of further levels, that may be read in one message."""

    __slots__ = ("depth", "values")

    def __init__(self) -> None:
        self.values = MAX_VALUES
        self.depth = MAX_DEPTH

    def take(self, values: int) -> None:
        """Subtract `values` from the budget. Raise DecodeError if the message has more than MAX_VALUES values."""
        self.values -= values
        if self.values < 0:
            raise DecodeError(f"not usable: the Avro holds more than {MAX_VALUES:,} values")


def compile_reader(schema: AvroType) -> Callable[[bytes, int], Any]:
    """Return a function that reads a value of this schema, given the data and the value's offset.

    The function raises DecodeError.
    """
    read = _SchemaCompiler().reader(schema)

    def decode(data: bytes, start: int) -> Any:
        try:
            value, at = read(data, start, AvroBudget())
        except (IndexError, error):
            raise DecodeError(f"not Avro of this schema: the data ends within a value, at byte {len(data)}") from None
        except RecursionError:
            raise DecodeError("not usable: the Avro is nested too deeply") from None
        if at != len(data):
            raise DecodeError(f"not Avro of this schema: {pluralize(len(data) - at, 'byte')} after the value")
        return value

    return decode


class _SchemaCompiler:
    """Compiler of one schema.

    `_readers` has the closures of records, by the identity of their types. While a record is being compiled, its
    closure is None.
    """

    def __init__(self) -> None:
        self._readers: dict[int, Read | None] = {}

    def reader(self, schema: AvroType) -> Read:
        """Return the closure of a type."""
        kind = schema.kind
        if kind in {"array", "map", "union"}:
            inner = [self.reader(each) for each in schema.inner]
            return _union(inner) if kind == "union" else (_array if kind == "array" else _map)(inner[0])
        if kind == "record":
            return self._record(schema)
        if kind == "enum":
            return _enum(schema.symbols)
        if kind == "fixed":
            return _fixed(schema.size, _octets(schema))
        return _bytes(_octets(schema)) if kind == "bytes" else _PRIMITIVES[kind]

    def _record(self, schema: AvroType) -> Read:
        key = id(schema)
        known = self._readers.get(key)
        if known is not None:
            return known
        if key in self._readers:
            return self._nested(key)
        self._readers[key] = None
        fields = [(name, self.reader(each)) for name, each in schema.fields]
        found = self._readers[key] = _record(fields)
        return found

    def _nested(self, key: int) -> Read:
        """Return a closure for a record nested in itself. This closure limits the depth.

        The closure of the outer record does not exist yet. So the returned closure looks it up for each message.
        """

        def read(data: bytes, at: int, budget: AvroBudget) -> tuple[Any, int]:
            budget.depth -= 1
            if budget.depth < 0:
                raise DecodeError(f"not usable: the Avro is nested deeper than {MAX_DEPTH} levels")
            target = self._readers[key]
            result = target(data, at, budget) if target is not None else (None, at)
            budget.depth += 1
            return result

        return read


def _record(fields: list[tuple[str, Read]]) -> Read:
    size = len(fields) + 1

    def read(data: bytes, at: int, budget: AvroBudget) -> tuple[dict[str, Any], int]:
        budget.take(size)
        value: dict[str, Any] = {}
        for name, read_field in fields:
            value[name], at = read_field(data, at, budget)
        return value, at

    return read


def _array(read_item: Read) -> Read:
    def read(data: bytes, at: int, budget: AvroBudget) -> tuple[list[Any], int]:
        values: list[Any] = []
        while True:
            count, at = _block(data, at)
            if count == 0:
                return values, at
            budget.take(count)
            for _ in range(count):
                value, at = read_item(data, at, budget)
                values.append(value)

    return read


def _map(read_value: Read) -> Read:
    def read(data: bytes, at: int, budget: AvroBudget) -> tuple[dict[str, Any], int]:
        values: dict[str, Any] = {}
        while True:
            count, at = _block(data, at)
            if count == 0:
                return values, at
            budget.take(count)
            for _ in range(count):
                key, at = _string(data, at, budget)
                values[key], at = read_value(data, at, budget)

    return read


def _block(data: bytes, at: int) -> tuple[int, int]:
    """Return the number of items in a block, and the offset after this number."""
    count, at = _long(data, at)
    if count < 0:
        # After a negative number, the block's size in bytes follows. Readers use this size to skip a block.
        count = -count
        _, at = _long(data, at)
    return count, at


def _union(branches: list[Read]) -> Read:
    def read(data: bytes, at: int, budget: AvroBudget) -> tuple[Any, int]:
        number, after = _long(data, at)
        if not 0 <= number < len(branches):
            raise DecodeError(f"not Avro of this schema: type {number} of a union of {len(branches)}, at byte {at}")
        return branches[number](data, after, budget)

    return read


def _enum(symbols: tuple[str, ...]) -> Read:
    def read(data: bytes, at: int, _budget: AvroBudget) -> tuple[str, int]:
        number, after = _long(data, at)
        if not 0 <= number < len(symbols):
            raise DecodeError(f"not Avro of this schema: symbol {number} of an enum of {len(symbols)}, at byte {at}")
        return symbols[number], after

    return read


def _octets(schema: AvroType) -> Callable[[bytes], Any]:
    """Return the function that converts the bytes of a `bytes` or `fixed` value."""
    if schema.logical == "decimal":
        return lambda data: _decimal(data, schema.scale)
    return (lambda data: str(uuid.UUID(bytes=data))) if schema.logical == "uuid" else list


def _decimal(data: bytes, scale: int) -> float | str:
    """Return the number, or its text if a float would not be exact."""
    if len(data) > _MAX_DECIMAL_BYTES:
        raise DecodeError(f"not usable: the Avro holds a decimal of {len(data)} bytes")
    whole = int.from_bytes(data, "big", signed=True)
    if scale == 0 and MIN_INTEGER <= whole <= MAX_INTEGER:
        return whole
    number = Decimal(whole).scaleb(-scale, EXACT)
    value = float(number)
    return value if math.isfinite(value) and Decimal(repr(value)) == number else format(number, "f")


def _bytes(convert: Callable[[bytes], Any]) -> Read:
    def read(data: bytes, at: int, _budget: AvroBudget) -> tuple[Any, int]:
        start, end = _span(data, at)
        return convert(data[start:end]), end

    return read


def _fixed(size: int, convert: Callable[[bytes], Any]) -> Read:
    def read(data: bytes, at: int, _budget: AvroBudget) -> tuple[Any, int]:
        end = at + size
        if end > len(data):
            raise IndexError
        return convert(data[at:end]), end

    return read


def _span(data: bytes, at: int) -> tuple[int, int]:
    """Return the start and end of bytes or text. `at` is the offset of the length, which comes first."""
    size, start = _long(data, at)
    end = start + size
    if size < 0 or end > len(data):
        raise DecodeError(
            f"not Avro of this schema: a length of {size}, at byte {at}, with {len(data) - start} bytes remaining"
        )
    return start, end


def _string(data: bytes, at: int, _budget: AvroBudget) -> tuple[str, int]:
    start, end = _span(data, at)
    try:
        return data[start:end].decode(), end
    except UnicodeDecodeError as fault:
        raise DecodeError(f"not usable: a text of the Avro is not UTF-8, at byte {start + fault.start}") from None


def _long(data: bytes, at: int) -> tuple[int, int]:
    """Return a signed number (zigzag), and the offset after it."""
    byte = data[at]
    at += 1
    if byte < _CONTINUES:
        return (byte >> 1) ^ -(byte & 1), at
    value, shift = byte & 0x7F, 7
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < _CONTINUES:
            # Ten bytes have 70 bits, but a long has only 64. Other readers drop the excess bits too.
            value &= 0xFFFFFFFFFFFFFFFF
            return (value >> 1) ^ -(value & 1), at
        shift += 7
        if shift == _VARINT_BITS:
            raise DecodeError(f"not Avro of this schema: a number of more than 10 bytes, at byte {at - 10}")


def _number(data: bytes, at: int, _budget: AvroBudget) -> tuple[int, int]:
    return _long(data, at)


def _null(_data: bytes, at: int, _budget: AvroBudget) -> tuple[None, int]:
    return None, at


def _boolean(data: bytes, at: int, _budget: AvroBudget) -> tuple[bool, int]:
    byte = data[at]
    if byte > 1:
        raise DecodeError(f"not Avro of this schema: {byte} is not a boolean, at byte {at}")
    return byte == 1, at + 1


def _float(data: bytes, at: int, _budget: AvroBudget) -> tuple[float | None, int]:
    end = at + 4
    if end > len(data):
        raise IndexError
    value = shortest_float32(data[at:end])
    # JSON has no NaN and no infinity, so they become null.
    return (value if math.isfinite(value) else None), end


def _double(data: bytes, at: int, _budget: AvroBudget) -> tuple[float | None, int]:
    value: float = _unpack_double(data, at)[0]
    return (value if math.isfinite(value) else None), at + 8


_PRIMITIVES: Final[dict[str, Read]] = {
    "null": _null,
    "boolean": _boolean,
    "int": _number,
    "long": _number,
    "float": _float,
    "double": _double,
    "string": _string,
}
