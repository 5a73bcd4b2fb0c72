"""`payload: json`, according to RFC 8259.

- If a key occurs more than once in an object, its last value is used.
- Integers from -2^63 to 2^64-1 stay exact. Larger integers become 64-bit floats, or are rejected if they are too large
  for a float.
- NaN, Infinity, invalid UTF-8 and single halves of a surrogate pair are rejected.
- A byte order mark (of UTF-8 or UTF-16) and NULs at the end are accepted.
- A payload is rejected if it is empty, or has text after the value, over 1024 levels, or over 1,048,576 values.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from bridge.errors import DecodeError
from bridge.payloads.json_values import MAX_VALUES, check_json_values
from bridge.payloads.text import decode_utf8, plain_utf8

# Maximum number of characters of the payload that an error message quotes.
_EXCERPT_CHARS = 20
# Matches orjson's description of a misspelt `null`, `true` or `false`. Group 1: the first two characters of that word.
_GUESS = re.compile(r"invalid literal, expected '(\w\w)\w+'")


class JsonDecoder:
    """Decoder of one JSON value."""

    __slots__ = ()

    def decode(self, payload: bytes) -> Any:
        """Return the value as dict, list, str, int, float, bool or None. Raise DecodeError."""
        if len(payload) > MAX_VALUES:
            check_json_values(payload)
        try:
            return orjson.loads(payload)
        except orjson.JSONDecodeError as error:
            # A byte order mark and NULs are removed only after the first attempt has failed, because nearly all
            # payloads have neither.
            plain = plain_utf8(payload)
            if plain is payload:
                raise DecodeError(_reason(payload, error)) from None
        check_json_values(plain)
        try:
            return orjson.loads(plain)
        except orjson.JSONDecodeError as error:
            raise DecodeError(_reason(plain, error)) from None


def _reason(payload: bytes, error: orjson.JSONDecodeError) -> str:
    """Return the text of an error, with its position and the text found there.

    Bytes are counted from 0, lines and columns from 1.
    """
    if not payload:
        return "not JSON: the payload is empty"
    text = decode_utf8(payload)  # orjson does not report the byte at which UTF-8 is invalid
    before = text[: error.pos]
    place = f"byte {len(before.encode())} (line {error.lineno}, column {error.colno})"
    found = repr(text[error.pos : error.pos + _EXCERPT_CHARS]) if error.pos < len(text) else "the end"
    return f"not JSON: {_problem(text, error)}, at {place}: found {found}"


def _problem(text: str, error: orjson.JSONDecodeError) -> str:
    """Return orjson's description of an error, without a wrong guess.

    orjson expects `null` at each text that begins with "n", for example at "not a number".
    """
    guess = _GUESS.fullmatch(error.msg)
    if guess is not None and not text.startswith(guess[1], error.pos):
        return "invalid value"
    return error.msg
