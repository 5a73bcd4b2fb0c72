"""Checksums of enveloped records for manifests. A consumer can verify the content of records with these checksums.

The checksum of a record is the first 8 bytes of the MD5 hash of its data, as a big-endian integer. The checksum of
several records is the XOR of their checksums, so it does not depend on their order.

The bridge may change a record before it is sent. Two changes are possible, and both do not affect the checksum:

1. `,"late":true` is added after the id. The checksum is computed without this text.
2. With `packing: lines`, line breaks become spaces. In the checksum, a line break counts as a space.

A checksum detects accidental changes. It is not a signature: anyone who can write to the stream and to the manifests
can forge a checksum.
"""

from __future__ import annotations

import re
from hashlib import md5

_ID = re.compile(rb'\{"id":"([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{12})"')
_LATE = b',"late":true'
_SPACES = bytes.maketrans(b"\r\n", b"  ")
_BYTES = 8


def id_of(data: bytes) -> tuple[str, int, int] | None:
    """Return the spool, queue and number in an envelope's id, or None if the data do not begin with an envelope."""
    found = _ID.match(data)
    return None if found is None else (found[1].decode(), int(found[2], 16), int(found[3], 16))


def checksum_of(data: bytes) -> int:
    """Return the checksum of an enveloped record as a signed 64-bit integer, the integer type of SQLite."""
    # Search only in the first bytes, directly after the id, because the payload may contain the same text.
    late = data.find(_LATE, 0, 64)
    if late >= 0:
        data = data[:late] + data[late + len(_LATE) :]
    # MD5 is fast, and resistance to attacks is not needed here. FIPS builds of Python require `usedforsecurity=False`.
    digest = md5(data.translate(_SPACES), usedforsecurity=False).digest()
    return int.from_bytes(digest[:_BYTES], "big", signed=True)


def checksum_text(checksum: int) -> str:
    """Return a checksum as 16 hexadecimal digits."""
    return (checksum & (1 << 8 * _BYTES) - 1).to_bytes(_BYTES, "big").hex()


def checksum_from_text(text: str) -> int:
    """Return the checksum for a text of 16 hexadecimal digits. Raises ValueError for any other text."""
    octets = bytes.fromhex(text)
    if len(octets) != _BYTES or len(text) != 2 * _BYTES:
        raise ValueError("a checksum has 16 hexadecimal digits")
    return int.from_bytes(octets, "big", signed=True)
