"""A stream's shards: which one a partition key belongs to, and when to ask Kinesis for them again.

A key belongs to the open shard whose range holds the MD5 of the key's UTF-8, read as an unsigned 128-bit number:
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html#API_PutRecords_RequestSyntax
"""

from __future__ import annotations

from bisect import bisect_right
from hashlib import md5
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ASK_AGAIN_SECS = 1.0
"""ListShards is limited to 1,000 calls a second for each stream, and a map in doubt costs whole records sent again:
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html"""

DENIED_ASK_AGAIN_SECS = 600.0
_KEYS_REMEMBERED = 50_000


class Shard(NamedTuple):
    """An open shard. The hashes are inclusive."""

    id: str
    first_hash: int
    last_hash: int

    def holds(self, keys: Iterable[str]) -> bool:
        """Whether all these partition keys belong to it."""
        return all(self.first_hash <= hash_of(key) <= self.last_hash for key in keys)


def hash_of(key: str) -> int:
    """Where a partition key lies: from 0 up to 2^128 - 1."""
    return int.from_bytes(md5(key.encode(), usedforsecurity=False).digest())


class ShardMap:
    """The open shards at one moment; between them they hold every hash."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        self.shards = sorted(shards, key=lambda shard: shard.first_hash)
        self._firsts = [shard.first_hash for shard in self.shards]
        self._by_id = {shard.id: shard for shard in shards}
        self._of_key: dict[str, Shard] = {}

    def of_key(self, key: str) -> Shard:
        """The shard a partition key belongs to."""
        shard = self._of_key.get(key)
        if shard is None:
            shard = self.of_hash(hash_of(key))
            if len(self._of_key) >= _KEYS_REMEMBERED:
                self._of_key.clear()
            self._of_key[key] = shard
        return shard

    def of_hash(self, place: int) -> Shard:
        """The shard a hash belongs to."""
        return self.shards[bisect_right(self._firsts, place) - 1]

    def get(self, shard_id: str) -> Shard | None:
        """The open shard of that name."""
        return self._by_id.get(shard_id)


class ShardWatch:
    """Knows the map, or when to ask for it. Not thread-safe: the sender guards it.

    `map` is None until Kinesis has answered, while an answer has put the map in doubt, where ListShards is not
    permitted (`denied`), and where keys do not decide on the shard (`useless`): then it is asked for in doubt only.
    """

    def __init__(self) -> None:
        self.map: ShardMap | None = None
        self.denied = self.useless = False
        self._wanted = self._asking = False
        self._ask_at = 0.0

    def want(self) -> None:
        """The map is of use. Without this it is never asked for."""
        if self.map is None and not self.useless:
            self._wanted = True

    def doubt(self) -> None:
        """A record came to another shard than its key belongs to: the stream was resharded."""
        self.map = None
        self._wanted = True

    def start_asking(self, now: float) -> bool:
        """Whether the caller should ask now, and then tell `answered` or `unanswered`."""
        if self._asking or not self._wanted or now < self._ask_at:
            return False
        self._asking = True
        return True

    def answered(self, shards: Sequence[Shard], now: float) -> None:
        """What Kinesis said. Shards that do not hold every hash are a stream in the middle of a change: ask again."""
        self._asking = self.denied = False
        self._ask_at = now + ASK_AGAIN_SECS
        if _whole(shards):
            self.map, self._wanted = ShardMap(shards), False

    def unanswered(self, now: float, *, denied: bool) -> None:
        """It could not be asked; later."""
        self._asking, self.denied = False, denied
        self._ask_at = now + (DENIED_ASK_AGAIN_SECS if denied else ASK_AGAIN_SECS)


def _whole(shards: Sequence[Shard]) -> bool:
    """Whether the shards hold every hash once."""
    expected = 0
    for shard in sorted(shards, key=lambda shard: shard.first_hash):
        if shard.first_hash != expected:
            return False
        expected = shard.last_hash + 1
    return expected == 1 << 128
