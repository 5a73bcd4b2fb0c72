"""The aggregation format of the Kinesis Producer Library: many records in one, each with its own partition key.

    F3 89 9A C2                                  magic
    repeated string partition_key_table = 1      0A, length, UTF-8
    repeated Record records = 3                  1A, length of what follows, then
        required uint64 partition_key_index = 1      08, index
        required bytes data = 3                      1A, length, data
    MD5 of all that stands between the magic and here, 16 bytes

Lengths and indexes are protobuf varints. Of the format's optional parts (explicit hash keys and tags of single records)
nothing is written: a record here has a partition key and data.
https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md

A consumer that de-aggregates as the Kinesis Client Library does checks every key of such a record against the range of
the shard it read it from, and discards the *whole* record if one key lies outside.
"""

from __future__ import annotations

from hashlib import md5
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.model import Record

MAGIC = b"\xf3\x89\x9a\xc2"
FRAME_BYTES = len(MAGIC) + 16
"""The magic and the MD5."""

_HEADS_REMEMBERED = 20_000
_VARINT_BITS = 7


def varint(number: int) -> bytes:
    """A protobuf varint: https://protobuf.dev/programming-guides/encoding/#varints."""
    octets = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - seven bits an octet
        octets.append(number & 0x7F | 0x80)
        number >>= _VARINT_BITS
    octets.append(number)
    return bytes(octets)


class Aggregated(NamedTuple):
    """Records up to, not including, number `end` of the sequence; `keys` is how many different keys they have."""

    end: int
    data: bytes
    keys: int


class Aggregation:
    """Encodes; remembers the few bytes that precede data of one length and key, since they recur all the time."""

    def __init__(self) -> None:
        self._heads: dict[int, bytes] = {}

    def encode(self, records: Sequence[Record], start: int, most: int, key: str | None = None) -> Aggregated:
        """Aggregate `records` from `start` on, at least one and no more than make `most` bytes.

        `key` replaces the records' own.
        """
        if key is not None:
            return self._encode_one_key(records, start, most, key)
        heads, table, keys, parts = self._heads, dict[str, int](), list[bytes](), list[bytes]()
        size, index_of, head_of = FRAME_BYTES, table.get, heads.get
        for _, _, own, data in islice(records, start, None):
            index = index_of(own)
            fresh_key = index is None
            if index is None:
                index = len(table)
                keys.append(_key_entry(own))
                size += len(keys[-1])
                table[own] = index
            place = index << 32 | len(data)
            head = head_of(place) or self._head(place)
            size += len(head) + len(data)
            if size > most and parts:
                if fresh_key:
                    del keys[-1]  # of the record that is left out
                break
            parts += (head, data)
        return Aggregated(start + len(parts) // 2, _framed(keys + parts), len(keys))

    def _encode_one_key(self, records: Sequence[Record], start: int, most: int, key: str) -> Aggregated:
        keys, parts = [_key_entry(key)], list[bytes]()
        size = FRAME_BYTES + len(keys[0])
        for record in islice(records, start, None):
            data = record.data
            head = self._heads.get(len(data)) or self._head(len(data))
            size += len(head) + len(data)
            if size > most and parts:
                break
            parts += (head, data)
        return Aggregated(start + len(parts) // 2, _framed(keys + parts), 1)

    def _head(self, place: int) -> bytes:
        """What stands before a record's data: `place` is its key's index, and 32 bits of the data's length."""
        length = place & 0xFFFFFFFF
        inner = b"\x08" + varint(place >> 32) + b"\x1a" + varint(length)
        head = b"\x1a" + varint(len(inner) + length) + inner
        if len(self._heads) >= _HEADS_REMEMBERED:
            self._heads.clear()
        self._heads[place] = head
        return head


def _framed(parts: list[bytes]) -> bytes:
    body = b"".join(parts)
    return b"".join((MAGIC, body, md5(body, usedforsecurity=False).digest()))


def _key_entry(key: str) -> bytes:
    octets = key.encode()
    return b"\x0a" + varint(len(octets)) + octets
