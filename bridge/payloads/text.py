"""`payload: text`: text in UTF-8. The other text formats also use the functions of this module.

A payload that begins with the byte order mark of UTF-16 is read as UTF-16. Byte order marks and NULs at the end are
removed. C programs send such NULs: one terminates a text, and several fill a buffer of fixed size. An empty payload is
an empty text.
"""

from __future__ import annotations

from bridge.errors import DecodeError

BOM = "\ufeff"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class TextDecoder:
    """Decoder of text."""

    __slots__ = ()

    def decode(self, payload: bytes) -> str:
        """Return the text. Raise DecodeError if the payload is neither UTF-8 nor marked as UTF-16."""
        return decode_text(payload)


def decode_text(payload: bytes) -> str:
    """Return the text of a payload, without byte order mark and NULs at its end. Raise DecodeError."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        text = _utf16(payload) if payload.startswith(_UTF16_MARKS) else decode_utf8(payload)
    return text.removeprefix(BOM).rstrip("\0") if text[-1:] == "\0" or text[:1] == BOM else text


def plain_utf8(payload: bytes) -> bytes:
    """Return the payload in UTF-8, without byte order mark and NULs at its end. Raise DecodeError."""
    # Every byte order mark begins with one of these three bytes. Most payloads have neither a mark nor a NUL, and are
    # not copied.
    marked = payload[-1:] == b"\0" or payload[:1] in {b"\xef", b"\xff", b"\xfe"}
    return decode_text(payload).encode() if marked else payload


def decode_utf8(payload: bytes) -> str:
    """Return the text. If it is not UTF-8, raise DecodeError with the position of the first invalid byte."""
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        found = payload[error.start]
        raise DecodeError(f"not UTF-8: {error.reason}, at byte {error.start}: found 0x{found:02x}") from None


def _utf16(payload: bytes) -> str:
    """Return the text of a payload that begins with the byte order mark of UTF-16. Raise DecodeError."""
    try:
        return payload.decode("utf-16")
    except UnicodeDecodeError as error:
        raise DecodeError(f"not UTF-16: {error.reason}, at byte {error.start}") from None
