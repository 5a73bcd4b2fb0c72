"""`payload: msgpack` (https://github.com/msgpack/msgpack/blob/master/spec.md): one value.

Values that JSON does not have are converted as described in `bridge.payloads.json_values`. Extensions other than
timestamps become lists of their bytes. Data after the value, invalid UTF-8 and an empty payload are rejected.
"""

from __future__ import annotations

from struct import Struct
from typing import Any, Final

import msgpack  # type: ignore[import-untyped] # the package ships no types

from bridge.durations import pluralize
from bridge.errors import DecodeError
from bridge.payloads.float32 import shortest_float32
from bridge.payloads.json_values import MAX_VALUES, key_text, plain

# Values with a length field, by their first byte. Each pair has the size of the length field in bytes, and the number
# of bytes between the length field and the content.
_LENGTHS: Final = (
    {0xC4: (1, 0), 0xC5: (2, 0), 0xC6: (4, 0)}  # binary
    | {0xC7: (1, 1), 0xC8: (2, 1), 0xC9: (4, 1)}  # extensions, whose type is one byte after the length
    | {0xD9: (1, 0), 0xDA: (2, 0), 0xDB: (4, 0)}  # text
)

# All other values, by their first byte: the number of bytes between this byte and the next value. A byte that is not
# listed is a complete value.
_FOLLOWING: Final = (
    {0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}  # numbers
    | {0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17}  # extensions of fixed length
    | {0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4}  # the lengths of lists and maps
    | {head: head - 0xA0 for head in range(0xA0, 0xC0)}  # short text
)

_FLOAT32: Final = 0xCA
_FLOAT32_BYTE: Final = b"\xca"
_DOUBLE_BYTE: Final = b"\xcb"
_pack_double: Final = Struct(">d").pack


class MsgpackDecoder:
    """Decoder of one MessagePack value."""

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
        try:
            value = _unpack(payload)
        except (ValueError, TypeError) as error:  # TypeError: a key is a list or a map
            raise DecodeError(f"not MessagePack: {_reason(payload, error)}") from None
        try:
            return plain(value)
        except DecodeError as error:
            raise DecodeError(f"not usable: the MessagePack {error.detail}") from None


def _unpack(payload: bytes) -> Any:
    """Return the value. Raise ValueError or TypeError if it is malformed.

    Keys may be texts or integers. Raise DecodeError for other keys.
    """
    try:
        return msgpack.unpackb(payload, ext_hook=_content)
    except ValueError as error:
        # For a key that is neither text nor bytes, the text of the package's ValueError contains this word.
        if "strict_map_key" not in str(error):
            raise
    # Keys that are not text can be crafted so that building the dict takes minutes. So all keys are converted to text
    # before the dict is built.
    return msgpack.unpackb(payload, ext_hook=_content, strict_map_key=False, object_pairs_hook=_with_text_keys)


def _with_text_keys(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    for key, _ in pairs:
        hash(key)  # raises TypeError for a list or a map
    try:
        return {key_text(key): value for key, value in pairs}
    except DecodeError as error:
        raise DecodeError(f"not usable: the MessagePack {error.detail}") from None


def encode(value: Any) -> bytes:
    """Return a JSON value as MessagePack. Raise ValueError for an integer beyond 64 bits."""
    try:
        packed: bytes = msgpack.packb(value)
    except OverflowError as error:
        raise ValueError(str(error)) from None
    return packed


def _content(_type: int, data: bytes) -> bytes:
    """Return the bytes of an extension."""
    return data


def _with_doubles(payload: bytes) -> bytes:
    """Replace every 32-bit float in the payload by the 64-bit float that `shortest_float32` returns.

    This precedes decoding, because the package does not report how many bits a float had. If the payload ends within a
    value, this value stays unchanged.
    """
    parts: list[bytes] = []
    copied = place = 0
    end = len(payload)
    while place < end:
        head = payload[place]
        place += 1
        if head == _FLOAT32:
            if place + 4 <= end:
                # The bytes are reversed, because they are big-endian on the wire.
                number = shortest_float32(payload[place : place + 4][::-1])
                parts += (payload[copied : place - 1], _DOUBLE_BYTE, _pack_double(number))
                copied = place + 4
            place += 4
        elif head in _LENGTHS:
            size, more = _LENGTHS[head]
            place += size + more + int.from_bytes(payload[place : place + size], "big")
        else:
            place += _FOLLOWING.get(head, 0)
    return b"".join((*parts, payload[copied:]))


def _count_values(payload: bytes) -> None:
    """Raise DecodeError if the payload has more than MAX_VALUES values. The check precedes decoding, to save memory."""
    place = values = 0
    while place < len(payload):
        head = payload[place]
        place += 1
        values += 1
        if head in _LENGTHS:
            size, more = _LENGTHS[head]
            place += size + more + int.from_bytes(payload[place : place + size], "big")
        else:
            place += _FOLLOWING.get(head, 0)
        if values > MAX_VALUES:
            raise DecodeError(f"not usable: the MessagePack holds more than {MAX_VALUES:,} values")


def _reason(payload: bytes, error: Exception) -> str:
    """Return the reason for an error in words."""
    if not payload:
        return "the payload is empty"
    if isinstance(error, msgpack.ExtraData):
        return f"{pluralize(len(error.extra), 'byte')} after the value"
    if isinstance(error, msgpack.StackError):
        return "nested too deeply"
    if isinstance(error, msgpack.FormatError):
        return "no value begins with 0xc1"
    if isinstance(error, UnicodeDecodeError):
        return f"a text is not UTF-8: {error.reason}"
    return str(error).removeprefix("Unpack failed: ")
