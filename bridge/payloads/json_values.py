"""Conversion of values that JSON does not have, for `payload: msgpack` and `payload: cbor`.

- Bytes become a list of integers from 0 to 255, as with `payload: bytes`.
- NaN and the infinities become null. Sensors send NaN if they have no reading.
- A 32-bit float becomes the shortest number that rounds to it (float32.py): 28.7, not 28.700000762939453.
- A MessagePack timestamp becomes RFC 3339 text in UTC, such as 2023-11-14T22:13:20.5Z. Years from 1 to 9999 are
  accepted.
- Integers from -2^63 to 2^64-1 stay exact. Larger integers become 64-bit floats, or are rejected if they are too large
  for a float.
- Keys become text. An integer key becomes decimal text (`payload."21"`), and all other keys are rejected. If a key
  occurs more than once, its last value is used. The keys 1 and '1' count as the same key.
- Payloads with over 128 levels or over 1,048,576 values are rejected, because a value of one byte can take 70 bytes of
  memory.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import cbor2
from msgpack import Timestamp  # type: ignore[import-untyped] # the package ships no types

from bridge.errors import DecodeError

MAX_DEPTH: Final = 128
"""Maximum number of nested levels. orjson can write about twice as many."""
MAX_VALUES: Final = 2**20
"""Maximum number of values in a payload, about 1 million."""

# Pattern of a JSON string. A string without a closing quote matches up to the end of the payload. Otherwise, the search
# would start again at each quote in that string, and take quadratic time. The possessive quantifiers `++` and `*+` do
# not backtrack. Positions for backtracking would take 1 GB of memory for a string of 9 MB.
_JSON_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)

MIN_INTEGER: Final = -(2**63)
MAX_INTEGER: Final = 2**64 - 1
"""Range of the integers that orjson can write: from the smallest signed to the largest unsigned 64-bit integer."""
_INFINITY: Final = float("inf")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def check_json_values(payload: bytes) -> None:
    """Raise DecodeError if JSON text has more than MAX_VALUES values. The check precedes decoding, to save memory.

    The number of values is estimated as the number of `,`, `[` and `{` outside strings.
    """
    # Each value has at least one byte, so smaller payloads cannot exceed the limit.
    if len(payload) <= MAX_VALUES or _count_separators(payload) <= MAX_VALUES:
        return
    # Separators in strings do not count. Removing the strings copies the payload, so it is done only if necessary.
    if _count_separators(_JSON_STRING.sub(b"", payload)) > MAX_VALUES:
        raise DecodeError(f"not usable: the JSON holds more than {MAX_VALUES:,} values")


def _count_separators(payload: bytes) -> int:
    return payload.count(b",") + payload.count(b"[") + payload.count(b"{")


def plain(value: Any, depth: int = MAX_DEPTH) -> Any:
    """Convert a decoded value to a JSON value. Lists are changed in place. Raise DecodeError."""
    # Exact types are compared, because `isinstance` is slower, and because a bool is an instance of int. The most
    # frequent types come first.
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is float:
        return value if -_INFINITY < value < _INFINITY else None
    if kind is int:
        return value if MIN_INTEGER <= value <= MAX_INTEGER else _as_float(value)
    if kind is bytes:
        return list(value)
    return _container(value, depth)


def _container(value: Any, depth: int) -> Any:
    """Convert a list, a map, or a value of a rare type. Raise DecodeError beyond MAX_DEPTH levels."""
    if depth == 0:
        raise DecodeError(f"is nested deeper than {MAX_DEPTH} levels")
    if type(value) is dict:
        return {key_text(key): plain(item, depth - 1) for key, item in value.items()}
    if type(value) is Timestamp:
        return _time_text(value)
    if value is cbor2.undefined:
        return None
    if type(value) is not list:
        raise DecodeError(f"holds a value that JSON does not know: {str(value)[:40]}")
    for number, item in enumerate(value):
        value[number] = plain(item, depth - 1)
    return value


def _as_float(value: int) -> float:
    """Return the integer as a 64-bit float. Raise DecodeError if it is too large."""
    try:
        return float(value)
    except OverflowError:
        raise DecodeError("holds an integer too large for a 64-bit float") from None


def key_text(key: Any) -> str:
    """Return the key as text. Raise DecodeError if it is neither text nor an integer of 64 bits."""
    if type(key) is str:
        return key
    if type(key) is int:
        if MIN_INTEGER <= key <= MAX_INTEGER:
            return str(key)
        raise DecodeError("has a key that is an integer beyond 64 bits")
    raise DecodeError(f"has a key that is neither text nor an integer: {str(key)[:40]}")


def _time_text(moment: Timestamp) -> str:
    """Return the time as RFC 3339 text. Raise DecodeError outside the years 1 to 9999."""
    try:
        # The first 19 characters are the time up to the seconds, such as 2023-11-14T22:13:20.
        whole = (_EPOCH + timedelta(seconds=moment.seconds)).isoformat()[:19]
    except OverflowError:
        raise DecodeError("holds a time outside the years 1 to 9999") from None
    fraction = f"{moment.nanoseconds:09d}".rstrip("0")
    return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"
