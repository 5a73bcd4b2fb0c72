"""Encoder for variable-length integers (LEB128).

Each byte contains seven bits of the integer, the lowest bits first. The high bit of a byte is set if another byte
follows.

Protobuf calls them varints: https://protobuf.dev/programming-guides/encoding/#varints
MQTT calls them Variable Byte Integers: https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901011
"""

from __future__ import annotations

from typing import Final

_BITS: Final = 7
_MASK: Final = 0x7F
_MORE: Final = 0x80


def encode_varint(number: int) -> bytes:
    """Return the encoding of a number, which must not be negative."""
    encoded = bytearray()
    while number > _MASK:
        encoded.append(number & _MASK | _MORE)
        number >>= _BITS
    encoded.append(number)
    return bytes(encoded)
