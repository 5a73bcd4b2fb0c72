"""Ranges and lifetimes of a stream's shards, learned from ListShards and from accepted records.

Three facts are true while partition keys determine the shard:

1. A shard has one contiguous range of hashes, which never changes. If a shard accepted two hashes, all hashes between
   them belong to this shard.
2. At any time, a hash belongs to exactly one open shard. If two shards have a hash in common, one shard was closed
   before the other was opened.
3. A closed shard is never opened again, and its id is not used again.

An accepted record proves that its shard was open at some time between request and response. So shard A is older than
shard B if the earliest response from A arrived before the latest request that B accepted. If A and B also have a hash
in common, A is closed now. If A is older than B, and B is also older than A, both were open at the same time. If such
shards have a hash in common, fact 2 is not true: Kinesis chooses the shards itself. ListShards proves only that a shard
was open at some time before the response, because its responses may be stale.

    state      condition                                            use of the shard's range
    usable     no other open shard has a hash in common with it     to predict the shard of a key
    disputed   another open shard has a hash in common with it,     to judge the records that it accepted
               and it is unknown which of the two is closed
    closed     a newer shard has a hash in common with it,          to judge the records that it accepted
               or a listing that is not stale does not contain it

When one of two disputed shards accepts a record, this shard is the newer shard, and the other shard is closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.kinesis.shard_map import Shard, cover_all_hashes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_STALE_SECS = 30.0
"""Assumed maximum age in seconds of the contents of a ListShards response.

A shard that is not in a listing may be newer than the listing. So the shard counts as closed only if it accepted no
record in the 30 s before the listing was requested. AWS documents no maximum age. Contents that were some seconds old
have been observed.
"""

MAX_CLOSED_SHARDS = 2_000
"""Maximum number of closed shards in memory, for late responses. Daily scaling closes fewer shards in a year."""

NEVER, OPEN = float("-inf"), float("inf")


@dataclass(slots=True, eq=False)
class KnownShard:
    """A shard and the known part of its range. If the shard was `listed`, its complete range is known.

    `closed_before` is a time at which the shard was already closed, or infinite while it may be open. `surely_closed`
    is true if a newer shard proves that this shard is closed. A listing without this shard does not prove it.
    """

    id: str
    first_hash: int
    last_hash: int
    listed: bool
    earliest_answer: float
    latest_request: float = NEVER
    closed_before: float = OPEN
    surely_closed: bool = False

    def has(self, hash_: int) -> bool:
        """Return whether a hash certainly belongs to this shard."""
        return self.first_hash <= hash_ <= self.last_hash

    def widen(self, hash_: int) -> None:
        """Extend the known range to a hash that the shard accepted."""
        self.first_hash = min(self.first_hash, hash_)
        self.last_hash = max(self.last_hash, hash_)

    def is_older_than(self, other: KnownShard) -> bool:
        """Return whether this shard was certainly open at some time, and the other shard at a later time."""
        return self.earliest_answer < other.latest_request

    def coexisted_with(self, other: KnownShard) -> bool:
        """Return whether both shards were certainly open at the same time."""
        return self.is_older_than(other) and other.is_older_than(self)


class ShardHistory:
    """All known shards of a stream. Not thread-safe. After `accepted` or `listed`, the caller must call `resolve`.

    `contradicted` is true if partition keys cannot explain which shards accepted records. `complete` is true if every
    open shard is listed and no shard is disputed. `has_new_shard` is true if a new shard has become known since the
    caller last set it to False.
    """

    def __init__(self) -> None:
        self.contradicted = self.complete = self.has_new_shard = False
        self._open: dict[str, KnownShard] = {}
        self._closed: dict[str, KnownShard] = {}
        self._disputed: set[str] = set()
        self._completed_at = NEVER

    @property
    def disputed(self) -> bool:
        """True if two shards that may be open have a hash in common, and it is unknown which of them is closed."""
        return bool(self._disputed)

    def get(self, shard_id: str) -> KnownShard | None:
        """Return the shard with this id, open or closed; None if it is unknown."""
        return self._open.get(shard_id) or self._closed.get(shard_id)

    def are_open(self, shard_ids: set[str]) -> bool:
        """Return whether all these shards are known and not closed."""
        return shard_ids <= self._open.keys()

    def usable(self) -> list[Shard]:
        """Return the open shards that are not disputed. Their ranges do not overlap."""
        return [
            Shard(shard.id, shard.first_hash, shard.last_hash)
            for shard in self._open.values()
            if shard.id not in self._disputed
        ]

    def accepted(self, shard_id: str, hash_: int, sent_at: float, answered_at: float) -> None:
        """Store that a shard accepted a record with this hash."""
        shard = self._open.get(shard_id)
        if shard is None:
            shard = self._not_open(shard_id, hash_, sent_at, answered_at)
            if shard is None:
                return
        shard.latest_request = max(shard.latest_request, sent_at)
        shard.earliest_answer = min(shard.earliest_answer, answered_at)
        if shard.listed:
            self.contradicted |= not shard.has(hash_)
        else:
            shard.widen(hash_)

    def listed(self, shards: Sequence[Shard], requested_at: float, answered_at: float) -> None:
        """Store the shards of a listing whose ranges contain every hash exactly once.

        An open shard that is not in the listing counts as closed in two cases. Either the shard has accepted no record
        since the shards were last complete. Or the shard accepted no record in the MAX_STALE_SECS before the listing.
        """
        for shard_id, first_hash, last_hash in shards:
            shard = self.get(shard_id)
            if shard is None:
                shard = self._add(KnownShard(shard_id, first_hash, last_hash, listed=True, earliest_answer=answered_at))
            self.contradicted |= shard.first_hash < first_hash or shard.last_hash > last_hash
            shard.first_hash, shard.last_hash, shard.listed = first_hash, last_hash, True
            shard.earliest_answer = min(shard.earliest_answer, answered_at)
            if shard.closed_before != OPEN and not shard.surely_closed:
                self._reopen(shard)
        ids = {shard.id for shard in shards}
        for shard in [shard for shard in self._open.values() if shard.id not in ids]:
            unused = shard.latest_request <= self._completed_at
            # The listing may be stale, so a shard that accepted a record recently may be newer than the listing.
            if unused or requested_at - shard.latest_request > MAX_STALE_SECS:
                self._close(shard, answered_at, surely=False)

    def resolve(self, now: float) -> None:
        """Close each shard that is older than another open shard with a common hash, and find the disputed shards."""
        # After one shard is closed, other shards may no longer be disputed. So all shards are compared again.
        while self._close_older():
            pass
        listed = all(shard.listed for shard in self._open.values())
        self.complete = listed and not self._disputed and cover_all_hashes(self.usable())
        if self.complete:
            self._completed_at = now

    def close_all(self, now: float) -> None:
        """Discard the ranges that were inferred from accepted records, because Kinesis chose the shards itself.

        All shards count as closed, but the ranges of listed shards remain known.
        """
        for shard in list(self._open.values()):
            self._close(shard, now, surely=False)
        self._closed = {shard.id: shard for shard in self._closed.values() if shard.listed}
        for shard in self._closed.values():
            shard.surely_closed = False
        self._disputed.clear()
        self.contradicted = self.complete = False

    def bounds(self, shard: KnownShard) -> tuple[int, int]:
        """Return the first and the last hash that may belong to a shard, limited by the ranges of its neighbours."""
        first, last = 0, (1 << 128) - 1
        for other in self._all():
            if other is not shard and other.coexisted_with(shard):
                if other.last_hash < shard.first_hash:
                    first = max(first, other.last_hash + 1)
                elif other.first_hash > shard.last_hash:
                    last = min(last, other.first_hash - 1)
        return first, last

    def _all(self) -> Iterable[KnownShard]:
        yield from self._open.values()
        yield from self._closed.values()

    def _not_open(self, shard_id: str, hash_: int, sent_at: float, answered_at: float) -> KnownShard | None:
        """Handle a record that was accepted by an unknown shard, or by a shard that counts as closed.

        Return the shard, which now counts as open. Return None if the shard accepted the record before it was closed.
        """
        shard = self._closed.get(shard_id)
        if shard is None:
            return self._add(KnownShard(shard_id, hash_, hash_, listed=False, earliest_answer=answered_at))
        if sent_at > shard.closed_before:
            self.contradicted |= shard.surely_closed
            return self._reopen(shard)
        if not shard.listed:
            shard.widen(hash_)
        return None

    def _close_older(self) -> bool:
        """Compare the open shards that have a hash in common, and return whether any shard was closed."""
        self._disputed.clear()
        before = len(self._open)
        reaching: list[KnownShard] = []
        for shard in sorted(self._open.values(), key=lambda shard: shard.first_hash):
            reaching = [each for each in reaching if each.last_hash >= shard.first_hash and each.id in self._open]
            for other in reaching:
                self._compare(shard, other)
            reaching.append(shard)
        return len(self._open) < before

    def _compare(self, one: KnownShard, other: KnownShard) -> None:
        """Close the older of two shards that have a hash in common."""
        if one.coexisted_with(other):
            self.contradicted = True
        elif one.is_older_than(other):
            self._close(one, other.earliest_answer, surely=True)
        elif other.is_older_than(one):
            self._close(other, one.earliest_answer, surely=True)
        else:
            self._disputed |= {one.id, other.id}

    def _add(self, shard: KnownShard) -> KnownShard:
        self._open[shard.id] = shard
        self.has_new_shard = True
        return shard

    def _reopen(self, shard: KnownShard) -> KnownShard:
        del self._closed[shard.id]
        shard.closed_before, shard.surely_closed = OPEN, False
        return self._add(shard)

    def _close(self, shard: KnownShard, before: float, *, surely: bool) -> None:
        if self._open.pop(shard.id, None) is None:
            return
        shard.closed_before, shard.surely_closed = before, surely
        self._closed[shard.id] = shard
        if len(self._closed) > MAX_CLOSED_SHARDS:
            # The first shard was closed first, because a dict preserves the order of insertion.
            del self._closed[next(iter(self._closed))]
