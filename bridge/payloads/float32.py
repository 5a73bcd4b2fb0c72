"""Numbers that were sent as 32-bit or 16-bit floats.

A 32-bit float that is converted to a double gets more digits: 28.7 becomes 28.700000762939453. The sender meant 28.7,
which is the shortest decimal number that rounds to the 32-bit float. Programs print this number, so it is the value
here. Whole numbers up to 2^24 are exact.
"""

from __future__ import annotations

import math
from functools import lru_cache
from struct import Struct
from typing import Any, Final, NamedTuple


class _Format(NamedTuple):
    """A float format.

    A decimal number of `sure_digits` digits is the same after a conversion to this format and back. `max_digits` digits
    are enough to distinguish all floats: https://en.wikipedia.org/wiki/IEEE_754#Character_representation Below
    `min_normal`, a float has fewer bits, so fewer digits may be enough. Whole numbers up to `max_whole` are exact.
    """

    layout: Struct
    sure_digits: int
    max_digits: int
    min_normal: float
    max_whole: float


_HALF: Final = _Format(Struct("<e"), 3, 5, 2.0**-14, 2.0**11)
_SINGLE: Final = _Format(Struct("<f"), 6, 9, 2.0**-126, 2.0**24)

# Number of floats in the cache: a sensor repeats its values.
_REMEMBERED = 8192


@lru_cache(maxsize=_REMEMBERED)
def shortest_float32(data: bytes) -> float:
    """Return the shortest number for a 32-bit float in 4 little-endian bytes. NaN and infinities are unchanged."""
    return _shortest(_SINGLE, data)


@lru_cache(maxsize=_REMEMBERED)
def shortest_float16(data: bytes) -> float:
    """Return the shortest number for a 16-bit float in 2 little-endian bytes. NaN and infinities are unchanged."""
    return _shortest(_HALF, data)


def _shortest(kind: _Format, data: bytes) -> float:
    exact: float = kind.layout.unpack(data)[0]
    if not math.isfinite(exact) or (exact.is_integer() and abs(exact) <= kind.max_whole):
        return exact
    # More digits are needed only if `sure_digits` digits do not convert back to the same float.
    for digits in range(kind.sure_digits if abs(exact) >= kind.min_normal else 1, kind.max_digits + 1):
        shorter = float(f"{exact:.{digits}g}")
        # `pack` rounds the number to this format, so equal bytes mean the same float.
        if _bytes(kind.layout, shorter) == data:
            return shorter
    return exact


def _bytes(layout: Struct, number: float) -> Any:
    """Return the number as a float of the layout; None if it is too large."""
    try:
        return layout.pack(number)
    except OverflowError:
        return None
