"""Checksums of enveloped records for manifests. With them, consumers can verify the content of records, not only ids.

The checksum of a record is the first 8 bytes of the MD5 of its bytes, as a big-endian integer. The checksum of several
records is the exclusive or of their checksums, so it does not depend on the order. Two parts are not included, because
they may change before the record is sent: `,"late":true` after the id, and line breaks, which `packing: lines` sends as
spaces.

A checksum detects accidental change. It is not a signature: anyone who can write to both streams can forge it.
"""

from __future__ import annotations

import re
from hashlib import md5

_ID = re.compile(rb'\{"id":"([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{12})"')
_LATE = b',"late":true'
_SPACES = bytes.maketrans(b"\r\n", b"  ")
_BYTES = 8


def id_of(data: bytes) -> tuple[str, int, int] | None:
    """Return spool, queue and number of the envelope at the beginning of the data; None if there is none."""
    found = _ID.match(data)
    return None if found is None else (found[1].decode(), int(found[2], 16), int(found[3], 16))


def checksum_of(data: bytes) -> int:
    """Return the checksum of an enveloped record as a signed 64-bit integer, the integer type of SQLite."""
    # Only the first bytes are searched: the mark follows the id, and the payload may contain the same text.
    late = data.find(_LATE, 0, 64)
    if late >= 0:
        data = data[:late] + data[late + len(_LATE) :]
    # MD5 is fast and needs no resistance to attacks here; FIPS builds of Python require the flag.
    digest = md5(data.translate(_SPACES), usedforsecurity=False).digest()
    return int.from_bytes(digest[:_BYTES], "big", signed=True)


def checksum_text(checksum: int) -> str:
    """Return a checksum as 16 hexadecimal digits."""
    return (checksum & (1 << 8 * _BYTES) - 1).to_bytes(_BYTES, "big").hex()


def checksum_from_text(text: str) -> int:
    """Return the checksum in 16 hexadecimal digits. Raise ValueError for anything else."""
    octets = bytes.fromhex(text)
    if len(octets) != _BYTES or len(text) != 2 * _BYTES:
        raise ValueError("a checksum has 16 hexadecimal digits")
    return int.from_bytes(octets, "big", signed=True)
