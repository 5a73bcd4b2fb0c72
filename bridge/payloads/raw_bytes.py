"""`payload: bytes`: accepts every payload as a list of integers from 0 to 255.

Expressions can select bytes by index, such as `payload[0]` and `payload[2:4]`.
"""

from __future__ import annotations


class RawDecoder:
    """Decoder that accepts every payload."""

    __slots__ = ()

    def decode(self, payload: bytes) -> list[int]:
        """Return the bytes as integers from 0 to 255."""
        return list(payload)
