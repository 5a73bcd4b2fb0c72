"""`payload: text`: UTF-8 text, unchanged to the last character. An empty payload is the empty text."""

from __future__ import annotations

from bridge.errors import DecodeError


class TextDecoder:
    """Decoder of UTF-8 text."""

    __slots__ = ()

    def decode(self, payload: bytes) -> str:
        """Return the text. Raise DecodeError if the payload is not UTF-8."""
        return decode_utf8(payload)


def decode_utf8(payload: bytes) -> str:
    """Return the text. The DecodeError for invalid UTF-8 states the first invalid byte."""
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        found = payload[error.start]
        raise DecodeError(f"not UTF-8: {error.reason}, at byte {error.start}: found 0x{found:02x}") from None
