"""Types of the fields of a layout, each with the function that reads a value of this type."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from struct import Struct
from typing import Any, Final, NamedTuple, TypeAlias

from bridge.payloads.float32 import shortest_float16, shortest_float32

Read: TypeAlias = Callable[[bytes], Any]

ORDERS: Final = ("big", "little", "word_swap", "byte_swap")
"""Byte orders of a field. Modbus gateways name them ABCD, DCBA, CDAB and BADC."""

_INTEGER: Final = re.compile(r"([ui])(8|16|24|32|40|48|56|64)")
# Codes of Python's struct module for signed integers, by the number of bytes.
_CODES: Final = {1: "b", 2: "h", 4: "i", 8: "q"}


class FieldType(NamedTuple):
    """A type of field.

    `read` converts `size` bytes in big-endian order to the value. `code` is the type's code in the struct module, or
    None if the module has no such type. If `sized` is true, the number in brackets is the size of one value, and not
    the number of values.

    If `characters` is true, all byte orders except `byte_swap` are ignored. Gateways that swap the bytes of each
    register also swap the characters of a text.
    """

    size: int
    read: Read
    code: str | None = None
    sized: bool = False
    characters: bool = False


def field_type(name: str, length: int | None) -> FieldType | None:
    """Return the type with this name, or None if there is none. `length` is the number in brackets; -1 means `[]`."""
    if name in _SIZED:
        # With `[]`, the value consists of all remaining bytes.
        size = 1 if length is None or length < 0 else length
        return FieldType(size, _SIZED[name], sized=True, characters=name != "bcd")
    found = _INTEGER.fullmatch(name)
    if found is None:
        return _OTHERS.get(name)
    size, signed = int(found[2]) // 8, found[1] == "i"
    code = _CODES.get(size)
    return FieldType(size, _integer(signed=signed), code if code is None or signed else code.upper())


def big_endian(data: bytes, order: str) -> bytes:
    """Return the bytes of one value with the most significant byte first."""
    if order == "big" or len(data) == 1:
        return data
    if order == "little":
        return data[::-1]
    # A word has 16 bits. `word_swap` reverses the order of the words. `byte_swap` swaps the two bytes of each word.
    words = [data[at : at + 2] for at in range(0, len(data), 2)]
    return b"".join(reversed(words)) if order == "word_swap" else b"".join(word[::-1] for word in words)


def struct_prefix(order: str) -> str | None:
    """Return the struct module's prefix for a byte order, or None if the module does not support this order."""
    return {"big": ">", "little": "<"}.get(order)


def _integer(*, signed: bool) -> Read:
    return lambda data: int.from_bytes(data, "big", signed=signed)


def _float16(data: bytes) -> float | None:
    return _finite(shortest_float16(data[::-1]))


def _float32(data: bytes) -> float | None:
    return _finite(shortest_float32(data[::-1]))


_double: Final = Struct(">d").unpack


def _float64(data: bytes) -> float | None:
    return _finite(_double(data)[0])


def _finite(number: float) -> float | None:
    """Return the number, or None for NaN and the infinities, which JSON does not have."""
    return number if math.isfinite(number) else None


def _boolean(data: bytes) -> bool:
    return data != b"\0"


def _bcd(data: bytes) -> int:
    """Return the number in binary-coded decimal (BCD) data. Raise ValueError for a digit over 9."""
    # In BCD, each half of a byte is one decimal digit. So the hexadecimal digits of the data are the decimal digits.
    digits = data.hex()
    if not digits.isdecimal():
        raise ValueError(f"a bcd field holds 0x{digits[:40]}, which has digits over 9")
    return int(digits)


def _text(data: bytes) -> str:
    """Return the text up to the first NUL. Raise ValueError if it is not UTF-8."""
    try:
        return data.partition(b"\0")[0].decode()
    except UnicodeDecodeError as error:
        found = f"0x{error.object[error.start]:02x} at its byte {error.start}"
        raise ValueError(f"a text field is not UTF-8: found {found}; to_text reads other encodings") from None


_OTHERS: Final = {
    "f16": FieldType(2, _float16),
    "f32": FieldType(4, _float32),
    "f64": FieldType(8, _float64),
    "bool": FieldType(1, _boolean),
}
# Types for which the number in brackets is a size in bytes.
_SIZED: Final[dict[str, Read]] = {"bcd": _bcd, "text": _text, "bytes": list}
