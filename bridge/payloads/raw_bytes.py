"""`payload: bytes`: anything. Expressions see a list of integers 0-255: `payload[0]` and `payload[2:4]` work."""

from __future__ import annotations


class Raw:
    """Takes every payload as it is."""

    __slots__ = ()

    def decode(self, payload: bytes) -> list[int]:
        """Give the bytes as integers 0-255."""
        return list(payload)
