"""`payload: text`: UTF-8, kept to the last character. An empty payload is the empty text."""

from __future__ import annotations

from bridge.errors import DecodeError


class Text:
    """Reads UTF-8 text."""

    __slots__ = ()

    def decode(self, payload: bytes) -> str:
        """Give the text; raises DecodeError if the payload is not UTF-8."""
        return decode_utf8(payload)


def decode_utf8(payload: bytes) -> str:
    """Give the text; the DecodeError tells the first byte that is wrong."""
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        found = payload[error.start]
        raise DecodeError(f"not UTF-8: {error.reason}, at byte {error.start}: found 0x{found:02x}") from None
