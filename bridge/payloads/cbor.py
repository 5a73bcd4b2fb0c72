"""`payload: cbor` (https://www.rfc-editor.org/rfc/rfc8949.html): one value.

Values that JSON does not have are converted as described in `bridge.payloads.json_values`. In addition:

- A tag is removed, and its content stays unchanged. For example, a time (tags 0, 1) becomes its text or its seconds,
  and a UUID (tag 37) becomes its bytes. Big integers (tags 2, 3) become numbers.
- Tags for shared or repeated values (25, 28, 29, 256) are rejected. With these tags, a few bytes can stand for billions
  of values.
- Lists, maps, texts and bytes of indefinite length are accepted. `undefined` becomes null. Unassigned simple values are
  rejected.
- In payloads over 16 KiB, all keys must be text. Maps with other keys can be crafted so that reading takes hours.
- Data after the value, invalid UTF-8 and an empty payload are rejected.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from struct import Struct
from typing import Any, Final

import cbor2

from bridge.durations import pluralize
from bridge.errors import DecodeError
from bridge.payloads.float32 import shortest_float32
from bridge.payloads.json_values import MAX_DEPTH, MAX_VALUES, plain

# Maximum size of a payload with keys of any type: 16 KiB. In larger payloads, all keys must be text.
_MAX_ANY_KEYS_BYTES: Final = 16_384

# Major types of bytes and text. Every CBOR value begins with a head: its type, and its length or number.
_BYTES: Final = 2
_TEXT: Final = 3
# The additional information 24 means that one byte follows the first byte of the head. 25, 26 and 27 mean that two,
# four and eight bytes follow (RFC 8949, section 3, table 1).
_ONE_BYTE: Final = 24
# Additional information for an indefinite length.
_INDEFINITE: Final = 31
_FLOAT32: Final = 0xFA
_FLOAT32_BYTE: Final = b"\xfa"
_DOUBLE_BYTE: Final = b"\xfb"
_pack_double: Final = Struct(">d").pack


class CborDecoder:
    """Decoder of one CBOR value."""

    __slots__ = ()

    def decode(self, payload: bytes) -> Any:
        """Return the value as dict, list, str, int, float, bool or None. Raise DecodeError."""
        # Every value takes at least one byte, so smaller payloads cannot exceed the limit.
        if len(payload) > MAX_VALUES:
            _count_values(payload)
        # Most payloads do not contain the first byte of a 32-bit float, so they need no slow scan of all values.
        # `_with_doubles` scans the values, because the byte may also be a part of another value.
        if _FLOAT32_BYTE in payload:
            payload = _with_doubles(payload)
        source = io.BytesIO(payload)
        try:
            # In a large payload, only text keys are accepted. Python's hash of text is randomized, so keys cannot be
            # crafted to collide in a dict.
            value = _decoder(source, strict_keys=len(payload) > _MAX_ANY_KEYS_BYTES).decode()
        except (cbor2.CBORError, ValueError, TypeError, RecursionError) as error:
            raise DecodeError(f"not CBOR: {_reason(payload, error)}") from None
        # The decoder stops after the first value. A sequence of several values (RFC 8742) is an error here.
        if source.tell() < len(payload):
            raise DecodeError(f"not CBOR: {pluralize(len(payload) - source.tell(), 'byte')} after the value")
        try:
            return plain(value)
        except DecodeError as error:
            raise DecodeError(f"not usable: the CBOR {error.detail}") from None


def encode(value: Any) -> bytes:
    """Return a JSON value as CBOR."""
    return cbor2.dumps(value)


def _decoder(source: io.BytesIO, *, strict_keys: bool) -> cbor2.CBORDecoder:
    """Return a cbor2 decoder with the tag converters and limits of this module."""
    return cbor2.CBORDecoder(
        source,
        semantic_decoders=_TAGS,
        max_depth=MAX_DEPTH,
        strict_hashable_types=strict_keys,
    )


def _content(value: Any, immutable: bool) -> Any:
    """Return the content of a tag unchanged.

    `immutable` is true if the tagged value is a key. Raise DecodeError in this case.
    """
    if immutable:
        raise DecodeError("a key is neither text nor an integer")
    return value


def _big(value: Any, immutable: bool) -> int:
    """Return the positive integer of tag 2. Raise DecodeError if it is a key, or if its content is not bytes."""
    if immutable or type(value) is not bytes:
        raise DecodeError("a big integer is not made of bytes, or is a key")
    return int.from_bytes(value, "big")


def _big_negative(value: Any, immutable: bool) -> int:
    """Return the negative integer of tag 3. Raise DecodeError in the same cases as `_big`."""
    # Tag 3 encodes the number n as -1 - n (RFC 8949, section 3.4.3).
    return -1 - _big(value, immutable)


def _shared(_value: Any, _immutable: bool) -> Any:
    """Raise DecodeError for a tag that shares or repeats values."""
    raise DecodeError("values are shared or repeated by tags (25, 28, 29, 256)")


class _TagConverters(dict[int, Callable[[Any, bool], Any]]):
    """Converters of a tag's content, by tag number.

    `__missing__` returns `_content` for all other numbers. Without `__missing__`, cbor2 would convert the tags that it
    knows to Python objects.
    """

    def __missing__(self, _number: int) -> Callable[[Any, bool], Any]:
        return _content


_TAGS: Final = _TagConverters({2: _big, 3: _big_negative, 25: _shared, 28: _shared, 29: _shared, 256: _shared})


def _count_values(payload: bytes) -> None:
    """Raise DecodeError if the payload has more than MAX_VALUES values. The check precedes decoding, to save memory.

    Nested values follow the head of their list or map. So one loop over all heads counts all values.
    """
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


def _with_doubles(payload: bytes) -> bytes:
    """Replace every 32-bit float in the payload by the 64-bit float that `shortest_float32` returns.

    This precedes decoding, because cbor2 does not report how many bits a float had. 16-bit floats stay unchanged,
    because encoders use them only for numbers that 16 bits represent exactly. If the payload ends within a value, this
    value stays unchanged.
    """
    parts: list[bytes] = []
    copied = place = 0
    end = len(payload)
    while place < end:
        head = payload[place]
        kind, information = head >> 5, head & 31
        size = 1 << (information - _ONE_BYTE) if _ONE_BYTE <= information < _INDEFINITE else 0
        place += 1
        if head == _FLOAT32 and place + size <= end:
            # The bytes are reversed, because they are big-endian on the wire.
            number = shortest_float32(payload[place : place + size][::-1])
            parts += (payload[copied : place - 1], _DOUBLE_BYTE, _pack_double(number))
            copied = place + size
        elif kind in (_BYTES, _TEXT) and information < _INDEFINITE:
            place += int.from_bytes(payload[place : place + size], "big") if size else information
        place += size
    return b"".join((*parts, payload[copied:]))


def _reason(payload: bytes, error: Exception) -> str:
    """Return the reason for an error in words."""
    if not payload:
        return "the payload is empty"
    # If a tag converter raises DecodeError, cbor2 raises its own error with the DecodeError as the cause.
    cause = error.__cause__
    return cause.detail if isinstance(cause, DecodeError) else str(error)
