"""`payload: json`, as RFC 8259 has it.

- The last of several equal keys wins.
- Integers from -2^63 to 2^64-1 stay exact; beyond that they become 64-bit floats, and are rejected beyond those.
- NaN, Infinity, a byte order mark, invalid UTF-8, half of a surrogate pair, nesting deeper than 1024 levels, text after
  the value and an empty payload are rejected.
"""

from __future__ import annotations

from typing import Any

import orjson

from bridge.errors import DecodeError
from bridge.payloads.text import decode_utf8

_EXCERPT_CHARS = 20


class Json:
    """Reads one JSON value."""

    __slots__ = ()

    def decode(self, payload: bytes) -> Any:
        """Give the value as dict, list, str, int, float, bool or None; raises DecodeError."""
        try:
            return orjson.loads(payload)
        except orjson.JSONDecodeError as error:
            raise DecodeError(_reason(payload, error)) from None


def _reason(payload: bytes, error: orjson.JSONDecodeError) -> str:
    """Say what is wrong, where (byte from 0, line and column from 1), and what stands there."""
    if not payload:
        return "not JSON: the payload is empty"
    text = decode_utf8(payload)  # orjson does not tell where UTF-8 breaks
    before = text[: error.pos]
    place = f"byte {len(before.encode())} (line {error.lineno}, column {error.colno})"
    found = repr(text[error.pos : error.pos + _EXCERPT_CHARS]) if error.pos < len(text) else "the end"
    return f"not JSON: {error.msg}, at {place}: found {found}"
