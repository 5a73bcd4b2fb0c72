"""Checksums of enveloped records for manifests.

With them, a consumer can verify the content of records, not only their ids.

The checksum of a record is the first 8 bytes of the MD5 hash of its data, as a big-endian integer. The checksum of
several records is the XOR of their checksums, so it does not depend on their order. Two things may change before a
record is sent. They do not influence the checksum: `,"late":true` after the id is left out, and a line break counts as
a space, because `packing: lines` sends spaces instead of line breaks.

A checksum detects accidental change. A checksum is not a signature: anyone who can write to both streams can forge it.
"""

from __future__ import annotations

import re
from hashlib import md5

_ID = re.compile(rb'\{"id":"([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{12})"')
_LATE = b',"late":true'
_SPACES = bytes.maketrans(b"\r\n", b"  ")
_BYTES = 8


def id_of(data: bytes) -> tuple[str, int, int] | None:
    """Return the spool, queue and number in an envelope's id. Return None if the data do not begin with an envelope."""
    found = _ID.match(data)
    return None if found is None else (found[1].decode(), int(found[2], 16), int(found[3], 16))


def checksum_of(data: bytes) -> int:
    """Return the checksum of an enveloped record as a signed 64-bit integer, the integer type of SQLite."""
    # Search only the first bytes: the late mark follows the id, and the payload may contain the same text.
    late = data.find(_LATE, 0, 64)
    if late >= 0:
        data = data[:late] + data[late + len(_LATE) :]
    # MD5 is used because it is fast; resistance to attacks is not needed here. FIPS builds of Python require the flag
    # `usedforsecurity=False`.
    digest = md5(data.translate(_SPACES), usedforsecurity=False).digest()
    return int.from_bytes(digest[:_BYTES], "big", signed=True)


def checksum_text(checksum: int) -> str:
    """Return a checksum as 16 hexadecimal digits."""
    return (checksum & (1 << 8 * _BYTES) - 1).to_bytes(_BYTES, "big").hex()


def checksum_from_text(text: str) -> int:
    """Return the checksum that is given as 16 hexadecimal digits. Raise ValueError for any other text."""
    octets = bytes.fromhex(text)
    if len(octets) != _BYTES or len(text) != 2 * _BYTES:
        raise ValueError("a checksum has 16 hexadecimal digits")
    return int.from_bytes(octets, "big", signed=True)
