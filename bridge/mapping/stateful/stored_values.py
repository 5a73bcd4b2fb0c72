"""Checks that the values of `changes` and `sample` survive storing as JSON.

JSON has no NaN, no infinity and no integers beyond 64 bits, and SQLite's text cannot contain half of a surrogate pair.
A message with such a value is rejected before it reaches the state, so that no other message is affected.
"""

from __future__ import annotations

from math import isfinite
from typing import Any

import orjson

from bridge.errors import TransformError
from bridge.payloads.json_values import MAX_INTEGER, MIN_INTEGER

# Max characters of a value in an error.
_SHOWN_CHARS = 100


def key_text(option: str, key: Any) -> str:
    """Return the result of an expression for a key, as text.

    Raise TransformError for a value that is neither text, nor a boolean, nor a finite number of 64 bits.
    """
    if isinstance(key, str):
        # JSON can contain half of a surrogate pair, which neither SQLite nor UTF-8 can store.
        if key.isascii() or _is_utf8(key):
            return key
    elif isinstance(key, bool) or _is_number(key):
        return orjson.dumps(key).decode()
    raise TransformError(f"{option}: gave {_shown(key)}; a key is text, a number or a boolean")


def numbers(option: str, value: Any) -> Any:
    """Return `value` if it is a number or an object of numbers. Raise TransformError otherwise."""
    for each in value.values() if isinstance(value, dict) else (value,):
        if not _is_number(each):
            raise TransformError(f"{option}: gave {_shown(each)}; expected a number, or an object of numbers")
    return value


def _is_number(value: Any) -> bool:
    """Return whether the value is a finite float, or an integer of 64 bits."""
    if type(value) is float:
        return isfinite(value)
    return type(value) is int and MIN_INTEGER <= value <= MAX_INTEGER


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(value: Any) -> str:
    """Return a value for an error: as JSON if that is possible."""
    if isinstance(value, float) and not isfinite(value):
        return repr(value)
    try:
        return orjson.dumps(value).decode()[:_SHOWN_CHARS]
    except TypeError:
        return f"{'an integer beyond 64 bits' if isinstance(value, int) else 'a value'} that JSON cannot hold"
