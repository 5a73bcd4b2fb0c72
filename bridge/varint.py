"""Encoder for variable-length integers: seven bits per byte, lowest first; the high bit is set if more follow (LEB128).

Protobuf calls them varints: https://protobuf.dev/programming-guides/encoding/#varints
MQTT calls them Variable Byte Integers: https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901011
"""

from __future__ import annotations

from typing import Final

_BITS: Final = 7
_MASK: Final = 0x7F
_MORE: Final = 0x80


def encode_varint(number: int) -> bytes:
    """Return the encoding of a number that is not negative."""
    encoded = bytearray()
    while number > _MASK:
        encoded.append(number & _MASK | _MORE)
        number >>= _BITS
    encoded.append(number)
    return bytes(encoded)
