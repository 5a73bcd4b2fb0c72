"""Limits of one PutRecords request and of one record.

https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.model import MAX_PARTITION_KEY_CHARS

if TYPE_CHECKING:
    from bridge.model import Record

MAX_REQUEST_RECORDS = 500

MAX_REQUEST_BYTES = 10 * 1024 * 1024
"""Maximum size of one request in bytes: the data and partition keys of all records, before base64."""

MAX_KEY_BYTES = 4 * MAX_PARTITION_KEY_CHARS
"""Maximum size of a partition key in UTF-8, which has at most four bytes per character."""


def counted_bytes(record: Record) -> int:
    """Return the size of a record as Kinesis counts it: the bytes of its data and of its partition key in UTF-8."""
    key = record.key
    # This repeats the body of `utf8_bytes`. A call would take longer, and each record is counted several times.
    return len(record.data) + (len(key) if key.isascii() else len(key.encode()))


def utf8_bytes(key: str) -> int:
    """Return the number of bytes of a partition key in UTF-8."""
    return len(key) if key.isascii() else len(key.encode())


def is_long_in_utf16(record: Record) -> bool:
    """Return whether the partition key is too long if its length is counted in UTF-16 code units.

    Kinesis documents a limit of 256 Unicode characters. Some emulators count UTF-16 code units instead. For example, an
    emoji has two code units.
    """
    return not record.key.isascii() and len(record.key.encode("utf-16-le")) > 2 * MAX_PARTITION_KEY_CHARS
