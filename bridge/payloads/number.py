"""`payload: number`: one decimal number as text. White space around the number, and NULs at its end, are accepted.

Examples are `-12`, `+3.50`, `.5` and `6.02e23`. A number without a point and an exponent is an integer, and stays exact
from -2^63 to 2^64-1. Larger integers, numbers too large for a 64-bit float, NaN, Infinity and hexadecimal numbers are
rejected.
"""

from __future__ import annotations

import math
import re

from bridge.errors import DecodeError
from bridge.payloads.json_values import MAX_INTEGER, MIN_INTEGER
from bridge.payloads.text import plain_utf8

_DECIMAL = re.compile(rb"\s*([+-]?)(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*")
# Maximum size of a payload in bytes, including white space.
_MAX_CHARS = 1000
# Maximum number of bytes of the payload that an error message quotes.
_EXCERPT_BYTES = 20


class NumberDecoder:
    """Decoder of a decimal number."""

    __slots__ = ()

    def decode(self, payload: bytes) -> int | float:
        """Return an int or a float. Raise DecodeError."""
        # A long payload is rejected before it is parsed, because Python's int() takes quadratic time.
        found = _DECIMAL.fullmatch(payload) if len(payload) <= _MAX_CHARS else None
        if found is None:
            payload = plain_utf8(payload)
            found = _DECIMAL.fullmatch(payload) if len(payload) <= _MAX_CHARS else None
        if found is None:
            raise DecodeError(_reason(payload))
        if found[3] is None and found[4] is None and b"." not in found[2]:
            return _integer(int(payload))
        value = float(payload)
        if math.isinf(value):
            raise DecodeError(f"not a number: {_excerpt(payload)} is too large for a 64-bit float")
        return value


def _integer(value: int) -> int:
    """Return the integer. Raise DecodeError beyond 64 bits."""
    if not MIN_INTEGER <= value <= MAX_INTEGER:
        raise DecodeError("not a number: the integer does not fit into 64 bits")
    return value


def _excerpt(payload: bytes) -> str:
    shown = payload[:_EXCERPT_BYTES].decode(errors="backslashreplace")
    return f"{shown!r}..." if len(payload) > _EXCERPT_BYTES else repr(shown)


def _reason(payload: bytes) -> str:
    """Return the text of an error. If possible, it names the byte offset of the first character that is wrong."""
    if not payload.strip():
        return "not a number: the payload is empty"
    if len(payload) > _MAX_CHARS:
        return f"not a number: {len(payload)} bytes, found {_excerpt(payload)}"
    start = len(payload) - len(payload.lstrip())
    good = _DECIMAL.match(payload)
    place = good.end() if good else start
    return f"not a number: at byte {place}: found {_excerpt(payload[place:])}"
