"""Shards of a stream, and the shard of a partition key.

A key belongs to the open shard whose range contains the hash of the key. The hash is the MD5 of the key in UTF-8, as an
unsigned 128-bit number:
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html#API_PutRecords_RequestSyntax
"""

from __future__ import annotations

from bisect import bisect_right
from hashlib import md5
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_KEYS = 50_000
"""Maximum number of keys whose shard is cached. A look-up in the cache is ten times as fast as hashing the key."""

HASHES = 1 << 128
"""Number of possible hashes, which are 0 to 2^128 - 1."""


class Shard(NamedTuple):
    """Shard with its range of hashes, including both ends.

    If ListShards has not returned the shard, this is only the part of its range that accepted records have shown.
    """

    id: str
    first_hash: int
    last_hash: int

    def contains_keys(self, keys: Iterable[str]) -> bool:
        """Return whether all these partition keys belong to the shard."""
        return all(self.first_hash <= hash_of(key) <= self.last_hash for key in keys)


class ShardMap:
    """Map from partition keys to shards. The ranges of the shards do not overlap, but there may be gaps between them.

    `shards` are in the order of their hashes.
    """

    def __init__(self, shards: Iterable[Shard]) -> None:
        self.shards = tuple(sorted(shards, key=lambda shard: shard.first_hash))
        self._firsts = [shard.first_hash for shard in self.shards]
        self._of_key: dict[str, Shard | None] = {}

    def of_key(self, key: str) -> Shard | None:
        """Return the shard that a partition key belongs to; None if its hash lies in a gap."""
        try:
            return self._of_key[key]
        except KeyError:
            if len(self._of_key) >= MAX_KEYS:
                self._of_key.clear()
            shard = self._of_key[key] = self.of_hash(hash_of(key))
            return shard

    def of_hash(self, hash_: int) -> Shard | None:
        """Return the shard that a hash belongs to; None if the hash lies in a gap."""
        index = bisect_right(self._firsts, hash_) - 1
        if index < 0:
            return None
        shard = self.shards[index]
        return shard if hash_ <= shard.last_hash else None


def hash_of(key: str) -> int:
    """Return the hash of a partition key, from 0 to 2^128 - 1."""
    return int.from_bytes(md5(key.encode(), usedforsecurity=False).digest())


def cover_all_hashes(shards: Sequence[Shard]) -> bool:
    """Return whether every hash belongs to exactly one of these shards."""
    expected = 0
    for shard in sorted(shards, key=lambda shard: shard.first_hash):
        if shard.first_hash != expected:
            return False
        expected = shard.last_hash + 1
    return expected == HASHES
