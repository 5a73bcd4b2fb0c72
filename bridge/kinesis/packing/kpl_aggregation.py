"""Aggregation format of the Kinesis Producer Library (KPL): many records, each with its own key, in one record.

    F3 89 9A C2                                  magic number
    repeated string partition_key_table = 1      0A, length, UTF-8
    repeated Record records = 3                  1A, length of the record's two fields, then
        required uint64 partition_key_index = 1      08, index
        required bytes data = 3                      1A, length, data
    MD5 of the bytes between the magic number and here, 16 bytes

Lengths and indexes are protobuf varints. The optional fields of the format (explicit hash keys and tags) are not
written, because the bridge's records have only a partition key and data.
https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md

Consumers on the Kinesis Client Library compare every key with the hash range of the shard. If one key is outside the
range, they discard *all* records of the aggregate: AggregatorUtil.deaggregate removes the records that it has already
collected, and stops:
https://github.com/awslabs/amazon-kinesis-client/blob/master/amazon-kinesis-client/src/main/java/software/amazon/kinesis/retrieval/AggregatorUtil.java

A payload may itself be in this format, if another producer aggregated it. Consumers de-aggregate only one level. So if
such a payload is sent inside an aggregated record, consumers return it unchanged. See `is_aggregate`.
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
"""Size of the magic number and the MD5 in bytes."""

_DIGEST_BYTES = 16
# Maximum number of cached heads (`KplEncoder` explains them). A full cache needs a few MB, and is cleared.
_MAX_CACHED_HEADS = 20_000


def is_aggregate(data: bytes) -> bool:
    """Return whether a consumer would de-aggregate this data: it has the magic number and a valid MD5."""
    # The magic number is checked first, because computing the MD5 of every payload would be expensive.
    if not data.startswith(MAGIC) or len(data) <= FRAME_BYTES:
        return False
    body = memoryview(data)[len(MAGIC) : -_DIGEST_BYTES]
    # The format requires MD5 as a checksum. Without `usedforsecurity=False`, Python on a FIPS system refuses MD5.
    return md5(body, usedforsecurity=False).digest() == data[-_DIGEST_BYTES:]


class Aggregate(NamedTuple):
    """Aggregated record. `end` is the index after its last record, and `keys` is its number of different keys."""

    end: int
    data: bytes
    keys: int


class KplEncoder:
    """Encoder of aggregated records.

    The encoder caches *heads*: the bytes before the data of a record. A head depends only on the length of the data and
    on the index of the key. The same pairs of length and index occur often.
    """

    def __init__(self) -> None:
        self._heads: dict[int, bytes] = {}

    def encode(
        self, records: Sequence[Record], start: int, max_bytes: int, key: str | None = None, *, whole_keys: bool = False
    ) -> Aggregate:
        """Aggregate `records` from the index `start` on: at least one record, and as many as fit in `max_bytes`.

        If `key` is given, it replaces the keys of the records. With `whole_keys`, the caller has grouped `records` by
        key. The aggregate then ends before a key whose records do not all fit. If this key is the first key, the
        aggregate contains some of its records.
        """
        if key is not None:
            return self._encode_one_key(records, start, max_bytes, key)
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
            # Index and length are combined in one integer, because a tuple would be a slower key for the cache. This
            # loop runs for every record.
            head_key = index << 32 | len(data)
            head = head_of(head_key) or self._head(head_key)
            size += len(head) + len(data)
            if size > max_bytes and parts:
                if fresh_key or (whole_keys and first_of_key):
                    del keys[-1], parts[first_of_key:]  # remove the last key and its records
                break
            parts += (head, data)
        return Aggregate(start + len(parts) // 2, _framed(keys + parts), len(keys))

    def _encode_one_key(self, records: Sequence[Record], start: int, max_bytes: int, key: str) -> Aggregate:
        keys, parts = [_key_entry(key)], list[bytes]()
        size = FRAME_BYTES + len(keys[0])
        for record in islice(records, start, None):
            data = record.data
            head = self._heads.get(len(data)) or self._head(len(data))
            size += len(head) + len(data)
            if size > max_bytes and parts:
                break
            parts += (head, data)
        return Aggregate(start + len(parts) // 2, _framed(keys + parts), 1)

    def _head(self, head_key: int) -> bytes:
        """Return the bytes before a record's data, and cache them.

        `head_key` contains the length of the data in its lower 32 bits, and the index of the key in the other bits.
        """
        length = head_key & 0xFFFFFFFF
        inner = b"\x08" + encode_varint(head_key >> 32) + b"\x1a" + encode_varint(length)
        head = b"\x1a" + encode_varint(len(inner) + length) + inner
        # Clearing is simpler than evicting the oldest entries, and the few pairs in use are cached again at once.
        if len(self._heads) >= _MAX_CACHED_HEADS:
            self._heads.clear()
        self._heads[head_key] = head
        return head


def _framed(parts: list[bytes]) -> bytes:
    body = b"".join(parts)
    return b"".join((MAGIC, body, md5(body, usedforsecurity=False).digest()))


def _key_entry(key: str) -> bytes:
    octets = key.encode()
    return b"\x0a" + encode_varint(len(octets)) + octets
