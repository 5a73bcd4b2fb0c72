"""Functions for words and bytes of PLCs.

A byte list contains integers from 0 to 255, like the payload with `payload: bytes`. The option `order` is the order of
the bytes in a number. The documents of Modbus devices write A for the most significant byte, then B, C and D:
'big' is ABCD, 'little' is DCBA, 'word_swap' is CDAB, and 'byte_swap' is BADC.
"""

from __future__ import annotations

import base64
import math
import struct
from typing import TYPE_CHECKING, Any, Final

from bridge.mapping.expressions.functions.decoding import packed
from bridge.mapping.expressions.functions.function import Function, Parameter, tried
from bridge.payloads.float32 import shortest_float16, shortest_float32

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_WORD_BITS: Final = 64
_MAX_INT_BYTES: Final = 8
_unpack_double: Final = struct.Struct("<d").unpack

_BYTES = Parameter("bytes", ("array-number",))
_ORDER = Parameter("order", ("string",))


def _bits(word: Any, start: Any, length: Any) -> int:
    if word != int(word):
        raise ValueError("word must be a whole number")
    if start != int(start) or length != int(length) or start < 0 or length < 1 or start + length > _WORD_BITS:
        raise ValueError("from (0 is the lowest bit) and length must lie within 64 bits")
    return (int(word) >> int(start)) & ((1 << int(length)) - 1)


def _big(values: list[Any], order: str) -> bytes:
    """Return the bytes with the most significant byte first, which is the order `big`.

    Raise ValueError for an unknown order, and for an odd number of bytes with `word_swap` or `byte_swap`.
    """
    data = packed(values)
    if order == "big":
        return data
    if order == "little":
        return data[::-1]
    if order not in {"word_swap", "byte_swap"}:
        raise ValueError("order must be big, little, word_swap or byte_swap")
    if len(data) % 2:
        raise ValueError(f"{order} needs an even number of bytes")
    # A word has 16 bits. `word_swap` reverses the order of the words. `byte_swap` swaps the two bytes in each word.
    words = [data[place : place + 2] for place in range(0, len(data), 2)]
    return b"".join(reversed(words)) if order == "word_swap" else b"".join(word[::-1] for word in words)


def _bytes_to_int(values: list[Any], order: str = "big", sign: str = "unsigned") -> int:
    if not 1 <= len(values) <= _MAX_INT_BYTES:
        raise ValueError(f"there must be 1 to 8 bytes, found {len(values)}")
    if sign not in {"unsigned", "signed"}:
        raise ValueError("sign must be 'unsigned' or 'signed'")
    return int.from_bytes(_big(values, order), "big", signed=sign == "signed")


def _double(data: bytes) -> float:
    number: float = _unpack_double(data)[0]
    return number


# Functions that read a float from little-endian bytes, by the number of bytes.
_FLOATS: Final[Mapping[int, Callable[[bytes], float]]] = {2: shortest_float16, 4: shortest_float32, 8: _double}


def _bytes_to_float(values: list[Any], order: str = "big") -> float | None:
    read = _FLOATS.get(len(values))
    if read is None:
        raise ValueError(f"there must be 2, 4 or 8 bytes, found {len(values)}")
    # JSON has no NaN and no infinities, so these values become null.
    number = read(_big(values, order)[::-1])
    return number if math.isfinite(number) else None


def _base64(value: Any) -> str:
    return base64.b64encode(value.encode() if type(value) is str else packed(value)).decode()


BINARY: Final[tuple[Function, ...]] = (
    Function(
        "bits",
        tuple(Parameter(name, ("number",)) for name in ("word", "from", "length")),
        _bits,
        "The number in `length` bits of a whole number, beginning with bit `from`. Bit 0 is the lowest. A negative "
        "number is read as two's complement.",
        (("bits(`181`, `4`, `4`)", 11), ("bits(`5`, `2`, `1`)", 1)),
        bind=tried(_bits, 0, 0, 1),
    ),
    Function(
        "bytes_to_int",
        (_BYTES, _ORDER, Parameter("sign", ("string",))),
        _bytes_to_int,
        "The whole number in 1 to 8 bytes. The order is big (default), little, word_swap or byte_swap. The sign is "
        "unsigned (default) or signed.",
        (("bytes_to_int(`[1, 44]`)", 300), ("bytes_to_int(`[254, 255]`, 'little', 'signed')", -2)),
        optional=2,
        cost=6,
        bind=tried(_bytes_to_int, [0, 0], "big", "signed"),
    ),
    Function(
        "bytes_to_float",
        (_BYTES, _ORDER),
        _bytes_to_float,
        "The IEEE 754 number in 2, 4 or 8 bytes, with as few digits as possible. The order is as for bytes_to_int. NaN "
        "and infinities become null.",
        (("bytes_to_float(`[65, 168, 0, 0]`)", 21.0), ("bytes_to_float(`[0, 0, 65, 168]`, 'word_swap')", 21.0)),
        optional=1,
        cost=6,
        bind=tried(_bytes_to_float, [0, 0, 0, 0], "big"),
    ),
    Function(
        "base64",
        (Parameter("value", ("array-number", "string")),),
        _base64,
        "Encodes a list of bytes, or the UTF-8 bytes of a text, as base64.",
        (("base64(`[1, 2, 255]`)", "AQL/"),),
        cost=4,
    ),
)
