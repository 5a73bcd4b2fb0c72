"""Conversion of 32-bit and 16-bit floats to the decimal numbers that their senders meant.

If a 32-bit float is converted to a double, it gets more digits: 28.7 becomes 28.700000762939453. The sender meant 28.7.
This module returns 28.7, because it is the shortest decimal number that rounds to the same 32-bit float. Other programs
print the same number.
"""

from __future__ import annotations

import math
from functools import lru_cache
from struct import Struct
from typing import Any, Final, NamedTuple


class _Format(NamedTuple):
    """A float format.

    Every decimal number with `sure_digits` digits survives a conversion to this format and back. `max_digits` digits
    are enough to distinguish all floats of the format. Floats below `min_normal` have fewer bits, so fewer digits may
    be enough. Whole numbers up to `max_whole` are exact. Source of `sure_digits` and `max_digits`:
    https://en.wikipedia.org/wiki/IEEE_754#Character_representation
    """

    layout: Struct
    sure_digits: int
    max_digits: int
    min_normal: float
    max_whole: float


_HALF: Final = _Format(Struct("<e"), 3, 5, 2.0**-14, 2.0**11)
_SINGLE: Final = _Format(Struct("<f"), 6, 9, 2.0**-126, 2.0**24)

# Size of each cache. Caching pays because sensors repeat their values.
_CACHED_FLOATS = 8192


@lru_cache(maxsize=_CACHED_FLOATS)
def shortest_float32(data: bytes) -> float:
    """Return the shortest number for a 32-bit float in 4 little-endian bytes. NaN and infinities are unchanged."""
    return _shortest(_SINGLE, data)


@lru_cache(maxsize=_CACHED_FLOATS)
def shortest_float16(data: bytes) -> float:
    """Return the shortest number for a 16-bit float in 2 little-endian bytes. NaN and infinities are unchanged."""
    return _shortest(_HALF, data)


def _shortest(kind: _Format, data: bytes) -> float:
    exact: float = kind.layout.unpack(data)[0]
    if not math.isfinite(exact) or (exact.is_integer() and abs(exact) <= kind.max_whole):
        return exact
    # Numbers with fewer than `sure_digits` digits are found too, because 28.7000 and 28.7 are the same number.
    for digits in range(kind.sure_digits if abs(exact) >= kind.min_normal else 1, kind.max_digits + 1):
        shorter = float(f"{exact:.{digits}g}")
        # `_bytes` rounds the number to this format. If the bytes are equal, the number stands for the same float.
        if _bytes(kind.layout, shorter) == data:
            return shorter
    return exact


def _bytes(layout: Struct, number: float) -> Any:
    """Return the bytes of the number in a float format, or None if the number is too large for the format."""
    try:
        return layout.pack(number)
    except OverflowError:
        return None
