"""Writer of Avro's binary encoding, for the tests of mappings. It accepts the values that the reader returns."""

from __future__ import annotations

import uuid
from decimal import Decimal
from struct import error, pack
from typing import TYPE_CHECKING, Any

from bridge.durations import pluralize
from bridge.payloads.avro.reader import EXACT

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.payloads.avro.schema_parser import AvroType


def encode(schema: AvroType, value: Any, where: str = "the payload") -> bytes:
    """Return the value as Avro. Raise ValueError, with the position `where`, if the value does not fit the schema."""
    if schema.kind == "record":
        return _record(schema, value, where)
    if schema.kind == "union":
        return _union(schema, value, where)
    try:
        return _WRITERS[schema.kind](schema, value, where)
    except (TypeError, AttributeError, ArithmeticError, UnicodeEncodeError, error):
        raise _mismatch(schema, value, where) from None


def _record(schema: AvroType, value: Any, where: str) -> bytes:
    names = [name for name, _ in schema.fields]
    if not isinstance(value, dict):
        raise _mismatch(schema, value, where)
    unknown = next((name for name in value if name not in names), None)
    if unknown is not None:
        raise ValueError(f"{where}: {schema.name} has no field '{unknown}'; it has {', '.join(names)}")
    return b"".join(encode(each, value.get(name), f"{where}.{name}") for name, each in schema.fields)


def _union(schema: AvroType, value: Any, where: str) -> bytes:
    """Try the alternatives of a union in order. Return the value encoded as the first alternative that fits."""
    for number, branch in enumerate(schema.inner):
        try:
            return _long(number) + encode(branch, value, where)
        except ValueError as error:
            fault = error
    if len(schema.inner) == 2 and any(branch.kind == "null" for branch in schema.inner) and value is not None:  # noqa: PLR2004
        raise fault  # for an optional value, report the error of its type other than null
    raise _mismatch(schema, value, where)


def _mismatch(schema: AvroType, value: Any, where: str) -> ValueError:
    kinds = [branch.name or branch.kind for branch in schema.inner] if schema.kind == "union" else []
    expected = " or ".join(kinds) or schema.name or schema.kind
    return ValueError(f"{where}: expected {expected}, found {str(value)[:40]}")


def _long(value: int) -> bytes:
    """Return a number as a zigzag varint. Raise TypeError or OverflowError."""
    if not -(2**63) <= value < 2**63:
        raise OverflowError
    rest = (value << 1) ^ (value >> 63)
    octets = bytearray()
    while rest > 0x7F:  # noqa: PLR2004 - a byte has seven bits of the number
        octets.append(rest & 0x7F | 0x80)
        rest >>= 7
    octets.append(rest)
    return bytes(octets)


def _whole(schema: AvroType, value: Any, _where: str) -> bytes:
    if isinstance(value, bool):
        raise TypeError
    # A reader of another program would reject or truncate a larger `int`.
    if schema.kind == "int" and not -(2**31) <= value < 2**31:
        raise OverflowError
    return _long(value)


def _null(_schema: AvroType, value: Any, _where: str) -> bytes:
    if value is not None:
        raise TypeError
    return b""


def _boolean(_schema: AvroType, value: Any, _where: str) -> bytes:
    if not isinstance(value, bool):
        raise TypeError
    return bytes([value])


def _real(code: str) -> Callable[[AvroType, Any, str], bytes]:
    def write(_schema: AvroType, value: Any, _where: str) -> bytes:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError
        return pack(code, value)

    return write


def _string(_schema: AvroType, value: Any, _where: str) -> bytes:
    octets: bytes = value.encode()
    return _long(len(octets)) + octets


def _octets(schema: AvroType, value: Any, where: str) -> bytes:
    """Return the bytes of a `bytes` or `fixed` value, which is a list of integers, a decimal or a UUID."""
    try:
        if schema.logical == "decimal":
            octets = _decimal(schema, value)
        else:
            octets = uuid.UUID(value).bytes if schema.logical == "uuid" else bytes(list(value))
    except ValueError as fault:
        raise ValueError(f"{where}: {fault}") from None
    if schema.kind == "bytes":
        return _long(len(octets)) + octets
    if len(octets) != schema.size:
        raise ValueError(f"{where}: expected {schema.size} bytes, found {len(octets)}")
    return octets


def _decimal(schema: AvroType, value: Any) -> bytes:
    scaled = Decimal(str(value)).scaleb(schema.scale, EXACT)
    number = int(scaled)
    if number != scaled:
        raise ValueError(f"{str(value)[:40]} has more than {pluralize(schema.scale, 'decimal place')}")
    # The sign takes one bit, in addition to `bit_length`. Adding 8 instead of 1 rounds up to full bytes.
    size = schema.size or (number.bit_length() + 8) // 8
    return number.to_bytes(size, "big", signed=True)


def _enum(schema: AvroType, value: Any, where: str) -> bytes:
    if value not in schema.symbols:
        raise ValueError(f"{where}: expected one of {', '.join(schema.symbols)}, found {str(value)[:40]}")
    return _long(schema.symbols.index(value))


def _array(schema: AvroType, value: Any, where: str) -> bytes:
    if not isinstance(value, list):
        raise TypeError
    items = [encode(schema.inner[0], item, f"{where}[{at}]") for at, item in enumerate(value)]
    return (_long(len(items)) + b"".join(items) if items else b"") + _long(0)


def _map(schema: AvroType, value: Any, where: str) -> bytes:
    items = [
        _string(schema, key, where) + encode(schema.inner[0], item, f"{where}.{key}") for key, item in value.items()
    ]
    return (_long(len(items)) + b"".join(items) if items else b"") + _long(0)


_WRITERS: dict[str, Callable[[AvroType, Any, str], bytes]] = {
    "null": _null,
    "boolean": _boolean,
    "int": _whole,
    "long": _whole,
    "float": _real("<f"),
    "double": _real("<d"),
    "string": _string,
    "bytes": _octets,
    "fixed": _octets,
    "enum": _enum,
    "array": _array,
    "map": _map,
}
