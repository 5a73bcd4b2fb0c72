"""`payload: bytes`: any payload. Expressions see a list of integers 0-255, so `payload[0]` and `payload[2:4]` work."""

from __future__ import annotations


class RawDecoder:
    """Decoder that accepts every payload."""

    __slots__ = ()

    def decode(self, payload: bytes) -> list[int]:
        """Return the bytes as integers 0-255."""
        return list(payload)
