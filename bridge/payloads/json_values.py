"""What binary formats can say and JSON cannot, made into JSON values: for `payload: msgpack` and `payload: cbor`.

- Bytes become a list of integers 0-255, as with `payload: bytes`.
- NaN and the infinities become null, as `bytes_to_float` has it: a sensor without a reading sends them.
- A MessagePack timestamp becomes RFC 3339 text in UTC, with as many digits as it has (years 1 to 9999).
- Integers from -2^63 to 2^64-1 stay exact; beyond that they become 64-bit floats, and are rejected beyond those.
- Keys are text. Integers as keys become decimal text (`payload."21"`); all other keys are rejected. The last of several
  equal keys wins, also where one is 1 and the other '1'.
- Rejected: over 128 levels, and over 1,048,576 values (a value can take seventy times the memory of its one byte).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import cbor2
from msgpack import Timestamp  # type: ignore[import-untyped] # the package ships no types

from bridge.errors import DecodeError

MAX_DEPTH: Final = 128
"""Half of what orjson writes."""
MAX_VALUES: Final = 2**20

MIN_INTEGER: Final = -(2**63)
MAX_INTEGER: Final = 2**64 - 1
"""Integers that orjson writes: signed and unsigned 64 bits."""
_INFINITY: Final = float("inf")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def plain(value: Any, depth: int = MAX_DEPTH) -> Any:
    """The value as JSON has it; lists are changed in place. Raises DecodeError."""
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
    if depth == 0:
        raise DecodeError(f"is nested deeper than {MAX_DEPTH} levels")
    if type(value) is dict:
        return {_key(key): plain(item, depth - 1) for key, item in value.items()}
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
    try:
        return float(value)
    except OverflowError:
        raise DecodeError("holds an integer too large for a 64-bit float") from None


def _key(key: Any) -> str:
    if type(key) is str:
        return key
    if type(key) is int:
        if MIN_INTEGER <= key <= MAX_INTEGER:
            return str(key)
        raise DecodeError("has a key that is an integer beyond 64 bits")
    raise DecodeError(f"has a key that is neither text nor an integer: {str(key)[:40]}")


def _time_text(moment: Timestamp) -> str:
    try:
        whole = (_EPOCH + timedelta(seconds=moment.seconds)).isoformat()[:19]
    except OverflowError:
        raise DecodeError("holds a time outside the years 1 to 9999") from None
    fraction = f"{moment.nanoseconds:09d}".rstrip("0")
    return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"
