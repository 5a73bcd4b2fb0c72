"""Aggregation format of the Kinesis Producer Library: many records in one, each with its own partition key.

    F3 89 9A C2                                  magic
    repeated string partition_key_table = 1      0A, length, UTF-8
    repeated Record records = 3                  1A, length of what follows, then
        required uint64 partition_key_index = 1      08, index
        required bytes data = 3                      1A, length, data
    MD5 of the bytes between the magic and here, 16 bytes

Lengths and indexes are protobuf varints. The format's optional parts (explicit hash keys and tags of single records)
are not written: a record here has a partition key and data.
https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md

Consumers that de-aggregate like the Kinesis Client Library compare every key with the hash range of the shard. If one
key is outside the range, they discard *all* records of the aggregate: AggregatorUtil.deaggregate removes those that it
has already collected, and stops:
https://github.com/awslabs/amazon-kinesis-client/blob/master/amazon-kinesis-client/src/main/java/software/amazon/kinesis/retrieval/AggregatorUtil.java

A payload may itself be in this format, if another producer made it. Consumers de-aggregate only one level, so such a
payload survives inside an aggregated record. See `is_aggregate`.
"""

from __future__ import annotations

from hashlib import md5
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from bridge.varint import encode_varint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.model import Record

MAGIC = b"\xf3\x89\x9a\xc2"
FRAME_BYTES = len(MAGIC) + 16
"""Size of the magic and the MD5."""

_DIGEST_BYTES = 16
# The cache has at most a few MB. When it is full, it is cleared, so that lengths that no longer occur do not stay.
_HEADS_REMEMBERED = 20_000


def is_aggregate(data: bytes) -> bool:
    """Return whether a consumer would de-aggregate this data, because it has the magic and a valid MD5."""
    # The magic is checked first, because computing the MD5 of every payload would be expensive.
    if not data.startswith(MAGIC) or len(data) <= FRAME_BYTES:
        return False
    body = memoryview(data)[len(MAGIC) : -_DIGEST_BYTES]
    # Without this flag, Python on a FIPS system refuses MD5. The format requires it as a checksum.
    return md5(body, usedforsecurity=False).digest() == data[-_DIGEST_BYTES:]


class Aggregate(NamedTuple):
    """Aggregate of the records with an index below `end`. `keys` is its number of different keys."""

    end: int
    data: bytes
    keys: int


class KplEncoder:
    """Encoder of aggregated records.

    It caches the few bytes that precede data of one length and key index, because the same pairs recur all the time.
    """

    def __init__(self) -> None:
        self._heads: dict[int, bytes] = {}

    def encode(
        self, records: Sequence[Record], start: int, most: int, key: str | None = None, *, whole_keys: bool = False
    ) -> Aggregate:
        """Aggregate `records` from `start` on: at least one, and as many as fit in `most` bytes.

        `key` replaces the records' own keys. With `whole_keys`, `records` are grouped by key, and a key is divided only
        if it is the first in the aggregate.
        """
        if key is not None:
            return self._encode_one_key(records, start, most, key)
        heads, table, keys, parts = self._heads, dict[str, int](), list[bytes](), list[bytes]()
        size, first_of_key, index_of, head_of = FRAME_BYTES, 0, table.get, heads.get
        for _, _, own, data in islice(records, start, None):
            index = index_of(own)
            fresh_key = index is None
            if index is None:
                index = len(table)
                keys.append(_key_entry(own))
                size += len(keys[-1])
                table[own] = index
                first_of_key = len(parts)
            # Index and length are combined in one integer. As a cache key it is cheaper than a tuple, and this runs for
            # every record.
            place = index << 32 | len(data)
            head = head_of(place) or self._head(place)
            size += len(head) + len(data)
            if size > most and parts:
                if fresh_key or (whole_keys and first_of_key):
                    del keys[-1], parts[first_of_key:]  # key and data of the records that do not fit
                break
            parts += (head, data)
        return Aggregate(start + len(parts) // 2, _framed(keys + parts), len(keys))

    def _encode_one_key(self, records: Sequence[Record], start: int, most: int, key: str) -> Aggregate:
        keys, parts = [_key_entry(key)], list[bytes]()
        size = FRAME_BYTES + len(keys[0])
        for record in islice(records, start, None):
            data = record.data
            head = self._heads.get(len(data)) or self._head(len(data))
            size += len(head) + len(data)
            if size > most and parts:
                break
            parts += (head, data)
        return Aggregate(start + len(parts) // 2, _framed(keys + parts), 1)

    def _head(self, place: int) -> bytes:
        """Return the bytes before a record's data.

        `place` combines the index of its key and, in 32 bits, the length of the data.
        """
        length = place & 0xFFFFFFFF
        inner = b"\x08" + encode_varint(place >> 32) + b"\x1a" + encode_varint(length)
        head = b"\x1a" + encode_varint(len(inner) + length) + inner
        # Clearing is simpler than an eviction order, and the few pairs in use are cached again at once.
        if len(self._heads) >= _HEADS_REMEMBERED:
            self._heads.clear()
        self._heads[place] = head
        return head


def _framed(parts: list[bytes]) -> bytes:
    body = b"".join(parts)
    return b"".join((MAGIC, body, md5(body, usedforsecurity=False).digest()))


def _key_entry(key: str) -> bytes:
    octets = key.encode()
    return b"\x0a" + encode_varint(len(octets)) + octets
