"""`payload: cbor` (https://www.rfc-editor.org/rfc/rfc8949.html): one value.

What JSON does not know becomes what `bridge.payloads.json_values` says; besides:

- A tag's content is what expressions see: of a time (0, 1) the text or the seconds, of a decimal fraction (4) its two
  numbers, of a UUID (37) its bytes. Only big integers (2, 3) become numbers, and marks of values that are shared or
  repeated (25, 28, 29, 256) are rejected: a few bytes of them can stand for billions of values.
- Lists, maps, texts and bytes of indefinite length are taken; `undefined` is null; other simple values are rejected.
- In payloads over 16 KiB keys must be text: maps with other keys can be made to take hours.
- Data after the value, invalid UTF-8 and an empty payload are rejected.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, Final

import cbor2

from bridge.errors import DecodeError
from bridge.payloads.json_values import MAX_DEPTH, MAX_VALUES, plain

_MAX_ANY_KEYS_BYTES: Final = 16_384

_BYTES: Final = 2
_TEXT: Final = 3
_ONE_BYTE: Final = 24
"""The lowest additional information that says a length follows: 1, 2, 4 and 8 bytes (3, table 1)."""
_INDEFINITE: Final = 31


class Cbor:
    """Reads one CBOR value."""

    __slots__ = ()

    def decode(self, payload: bytes) -> Any:
        """Give the value as dict, list, str, int, float, bool or None; raises DecodeError."""
        if len(payload) > MAX_VALUES:
            _count_values(payload)
        source = io.BytesIO(payload)
        try:
            value = _decoder(source, strict_keys=len(payload) > _MAX_ANY_KEYS_BYTES).decode()
        except (cbor2.CBORError, ValueError, TypeError, RecursionError) as error:
            raise DecodeError(f"not CBOR: {_reason(payload, error)}") from None
        if source.tell() < len(payload):
            raise DecodeError(f"not CBOR: {len(payload) - source.tell()} bytes follow after the value")
        try:
            return plain(value)
        except DecodeError as error:
            raise DecodeError(f"not usable: the CBOR {error.detail}") from None


def encode(value: Any) -> bytes:
    """The CBOR of a JSON value."""
    return cbor2.dumps(value)


def _decoder(source: io.BytesIO, *, strict_keys: bool) -> cbor2.CBORDecoder:
    return cbor2.CBORDecoder(
        source,
        semantic_decoders=_TAGS,
        max_depth=MAX_DEPTH,
        strict_hashable_types=strict_keys,
    )


def _content(value: Any, immutable: bool) -> Any:
    if immutable:
        raise DecodeError("a key is neither text nor an integer")
    return value


def _big(value: Any, immutable: bool) -> int:
    if immutable or type(value) is not bytes:
        raise DecodeError("a big integer is not made of bytes, or is a key")
    return int.from_bytes(value, "big")


def _big_negative(value: Any, immutable: bool) -> int:
    return -1 - _big(value, immutable)


def _shared(_value: Any, _immutable: bool) -> Any:
    raise DecodeError("values are shared or repeated by tags (25, 28, 29, 256)")


class _Tags(dict[int, Callable[[Any, bool], Any]]):
    """What is made of a tag's content, by its number: for all numbers, or else the package makes Python's objects."""

    def __missing__(self, _number: int) -> Callable[[Any, bool], Any]:
        return _content


_TAGS: Final = _Tags({2: _big, 3: _big_negative, 25: _shared, 28: _shared, 29: _shared, 256: _shared})


def _count_values(payload: bytes) -> None:
    """Refuse what would take too much memory, before it does. CBOR is a row of heads, however they are nested."""
    place = values = 0
    while place < len(payload):
        kind, information = payload[place] >> 5, payload[place] & 31
        size = 1 << (information - _ONE_BYTE) if _ONE_BYTE <= information < _INDEFINITE else 0
        if kind in (_BYTES, _TEXT) and information < _INDEFINITE:
            place += int.from_bytes(payload[place + 1 : place + 1 + size], "big") if size else information
        place += 1 + size
        values += 1
        if values > MAX_VALUES:
            raise DecodeError(f"not usable: the CBOR holds more than {MAX_VALUES:,} values")


def _reason(payload: bytes, error: Exception) -> str:
    if not payload:
        return "the payload is empty"
    cause = error.__cause__
    return cause.detail if isinstance(cause, DecodeError) else str(error)
