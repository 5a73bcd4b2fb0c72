"""Checks that the keys and values of `changes` and `sample` can be stored.

The state is stored as JSON in SQLite. JSON has no NaN and no infinities. The JSON writer accepts no integers that
exceed 64 bits. Text in SQLite cannot contain half of a surrogate pair. A message with a value that cannot be stored is
rejected before the state changes, so that the message cannot affect other messages.
"""

from __future__ import annotations

from math import isfinite
from typing import Any

import orjson

from bridge.errors import TransformError
from bridge.payloads.json_values import MAX_INTEGER, MIN_INTEGER

# Maximum number of characters that an error text quotes from a value.
_SHOWN_CHARS = 100


def key_text(option: str, key: Any) -> str:
    """Return the result of a key expression as text. `option` names the expression in errors.

    Raise TransformError if the result is not text, a boolean or a number, or if it cannot be stored.
    """
    if isinstance(key, str):
        # JSON can contain half of a surrogate pair, which neither SQLite nor UTF-8 can store.
        if key.isascii() or _is_utf8(key):
            return key
    elif isinstance(key, bool) or _is_number(key):
        return orjson.dumps(key).decode()
    raise TransformError(f"{option}: returned {_shown(key)}; a key is text, a number or a boolean")


def numbers(option: str, value: Any) -> Any:
    """Return `value` if it is a number or an object of numbers that can be stored. Otherwise, raise TransformError."""
    for each in value.values() if isinstance(value, dict) else (value,):
        if not _is_number(each):
            raise TransformError(f"{option}: returned {_shown(each)}; expected a number, or an object of numbers")
    return value


def _is_number(value: Any) -> bool:
    """Return whether the value is a finite float, or an integer that fits 64 bits."""
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
    """Return a value as text for an error: as JSON if possible."""
    if isinstance(value, float) and not isfinite(value):
        return repr(value)
    try:
        return orjson.dumps(value).decode()[:_SHOWN_CHARS]
    except TypeError:
        return f"{'an integer beyond 64 bits' if isinstance(value, int) else 'a value'} that JSON cannot hold"
