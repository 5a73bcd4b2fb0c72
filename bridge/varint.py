"""Variable-length integers: seven bits a byte, the lowest first, and the high bit where more follow (LEB128).

Protobuf calls them varints, MQTT Variable Byte Integers: https://protobuf.dev/programming-guides/encoding/#varints and
https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901011
"""

from __future__ import annotations

from typing import Final

_BITS: Final = 7
_MASK: Final = 0x7F
_MORE: Final = 0x80


def encode_varint(number: int) -> bytes:
    """Return the bytes of a number that is not negative."""
    encoded = bytearray()
    while number > _MASK:
        encoded.append(number & _MASK | _MORE)
        number >>= _BITS
    encoded.append(number)
    return bytes(encoded)
