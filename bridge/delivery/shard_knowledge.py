"""Knowledge about the shards of one stream: the shard of a partition key, and whether consumers keep a record.

The knowledge has three parts. They do not wait, lock or call Kinesis.

    RecordDistribution   whether partition keys determine the shard at all
    ShardHistory         ranges and lifetimes of the shards
    ShardMapRefresh      when to call ListShards

A shard is *listed* if a response of ListShards contained it. Otherwise, it is *inferred* from the records that it
accepted. The table shows the result of `shard_of`, which records are aggregated, and how to judge a record that an
unexpected shard accepted. "By its range" means: delivered if all hashes are in the range of the shard, or else
discarded.
    distribution  shards      shard_of            aggregate       judge
    unknown       any         as by_key           nothing         1. listed shard: by its range
                                                                  2. otherwise undecided
    by_key        complete    listed shard        by shard        1. listed shard: by its range
    by_key        incomplete  1. listed shard     by shard; by    1. listed shard: by its range
                                 (not disputed)   key if          2. no explicit hash key: delivered, because the
                              2. inferred shard   shard_of           record's own key selected the shard
                              3. None             returns None    3. inferred shard: delivered if all hashes are
                                                                     certainly in its range; discarded if one hash is
                                                                     certainly outside
                                                                  4. otherwise undecided
    by_service    any         None                nothing         the same as unknown

When the stream is resharded, a new shard accepts a hash from the range of a listed shard. The listed shard is then
*disputed*. All other shards stay in use. The new shard is an inferred shard. Its range contains all hashes between the
lowest and the highest hash that the shard has accepted. So records are soon aggregated again, even while ListShards
returns old contents. Until then, each record is sent with its own key, which always selects the right shard. Each
result can extend the range of the inferred shard.

Consumers on the Kinesis Client Library (KCL) compare the keys of an aggregated record with the range of the shard. If
one key is outside the range, AggregatorUtil.deaggregate discards *all* records of the aggregate: it removes the records
that it has already collected, and stops. (Its documentation mentions only the records outside the range.) So either all
records of an aggregate are delivered, or none:
https://github.com/awslabs/amazon-kinesis-client/blob/master/amazon-kinesis-client/src/main/java/software/amazon/kinesis/retrieval/AggregatorUtil.java
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from bridge.delivery.record_distribution import Distribution, RecordDistribution
from bridge.delivery.shard_history import ShardHistory
from bridge.delivery.shard_map_refresh import ShardMapRefresh
from bridge.kinesis.packing.packers import PackedRecord
from bridge.kinesis.put_records_codec import RecordAccepted
from bridge.kinesis.shard_map import Shard, ShardMap, cover_all_hashes, hash_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.delivery.shard_history import KnownShard
    from bridge.kinesis.publisher import StreamDescription
    from bridge.kinesis.put_records_codec import Result
    from bridge.model import Destination, Record

MAX_UNDECIDED_SECS = 30.0
"""Seconds after which undecided records are sent again, possibly as duplicates.

Records with the same keys wait until then. The time is limited, so that they do not wait forever if ListShards fails.
After a change of the shards, ListShards returns old contents for a much shorter time.
"""


class Judgement(Enum):
    """Judgement on an aggregated record that was made for one shard, but accepted by another shard."""

    DELIVERED = "a KCL consumer returns all of its records"
    DISCARDED = "a KCL consumer discards all of its records: send them again"
    UNDECIDED = "not known yet: judge it again later"


class ShardKnowledge:
    """Knowledge about the shards of one stream. Not thread-safe: callers hold a lock.

    `version` changes when `shard_of` or `distribution` may have changed. Then the caller must sort its records by shard
    again.

    Each `on_` method returns whether undecided records should be judged again. Records must also be judged again after
    they have been undecided for MAX_UNDECIDED_SECS.
    """

    def __init__(self, destination: Destination) -> None:
        self.version = 0
        self._distribution = RecordDistribution(destination)
        self._history = ShardHistory()
        self._refresh = ShardMapRefresh()
        self._requested = False
        self._map = ShardMap(())
        self._routed_by: Distribution = self.distribution

    # -- queries ---------------------------------------------------------------------------------------------------

    @property
    def distribution(self) -> Distribution:
        """State of the record distribution. Records may be aggregated for KCL consumers only in the state `by_key`."""
        return self._distribution.state

    @property
    def described(self) -> bool:
        """True after a DescribeStreamSummary call has ended, successfully or not."""
        return self._distribution.described

    @property
    def complete(self) -> bool:
        """True if `shards` contains all open shards. Otherwise, there are gaps between their ranges."""
        return self._history.complete and self.distribution != "by_service"

    @property
    def shards(self) -> Sequence[Shard]:
        """Open shards, listed or inferred, in the order of their hashes. Disputed shards are not included."""
        return self._map.shards

    def shard_of(self, key: str) -> Shard | None:
        """Return the open shard that a partition key belongs to; None if it is unknown."""
        return self._map.of_key(key)

    def shard_of_hash(self, hash_: int) -> Shard | None:
        """Return the open shard that a hash belongs to; None if it is unknown."""
        return self._map.of_hash(hash_)

    def judge(self, packed: PackedRecord, shard_id: str, now: float, *, undecided_secs: float = 0.0) -> Judgement:
        """Return what KCL consumers do with an aggregated record that the shard `shard_id` accepted.

        The caller must first pass the results of the request to `on_accepted`. `undecided_secs` is the time since the
        record was accepted.
        """
        shard = self._history.get(shard_id)
        if shard is not None and shard.listed:
            return self._judge_listed(packed, shard, now)
        if self.distribution == "by_key":
            if packed.hash_key is None:
                return Judgement.DELIVERED
            if shard is not None and (judgement := self._judge_inferred(packed, shard)) is not Judgement.UNDECIDED:
                return judgement
        if self._refresh.denied or undecided_secs > MAX_UNDECIDED_SECS:
            return Judgement.DISCARDED  # consumers may keep the record, but a duplicate is better than a loss
        self._refresh.request()
        return Judgement.UNDECIDED

    # -- ListShards ------------------------------------------------------------------------------------------------

    def request(self) -> None:
        """Request a call of ListShards. After the first request, `on_accepted` also infers shards from records."""
        if not self._requested:
            self._requested = True
            if self.distribution != "by_service":
                self._refresh.request()

    @property
    def next_listing_at(self) -> float | None:
        """Time from which `start_listing` returns True (-inf: now); None while no listing is requested."""
        return self._refresh.next_at

    def start_listing(self, now: float) -> bool:
        """Return whether the caller should call ListShards now.

        If the result is True, the caller must later call `on_listed` or `on_list_failed`.
        """
        return self._refresh.start(now)

    def on_listed(self, shards: Sequence[Shard], now: float) -> bool:
        """Store the shards of a ListShards response.

        If a hash belongs to no shard or to two shards, the stream is being resharded. Such a response is ignored.
        """
        if not cover_all_hashes(shards):
            self._refresh.retry(now)
            return False
        self._history.listed(shards, self._refresh.started_at, now)
        self._resolve(now)
        if self._history.complete or self.distribution == "by_service":
            self._refresh.succeeded(now)
        else:
            self._refresh.retry(now)
        return True

    def on_list_failed(self, now: float, *, denied: bool) -> bool:
        """Note that ListShards failed. `denied` is true if the call is not permitted."""
        self._refresh.failed(now, denied=denied)
        return denied

    # -- other responses -------------------------------------------------------------------------------------------

    def on_described(self, description: StreamDescription | None, now: float) -> bool:
        """Store what DescribeStreamSummary returned. `description` is None if the call failed."""
        before = self.distribution
        self._distribution.on_described(description, now)
        if self.distribution == before:
            return False
        if "by_service" in (before, self.distribution):
            self._history.close_all(now)
        self._resolve(now)
        return True

    def on_accepted(
        self, entries: Sequence[Record | PackedRecord], results: Sequence[Result], sent_at: float, now: float
    ) -> bool:
        """Learn about the shards from the results of a request that was sent at `sent_at` or later.

        Call this before `judge` for the records of the same request. While the shards or the distribution are unknown,
        every record is examined. Otherwise, only a quick check is done, which takes about 0.05 µs per record.
        """
        if not self._requested or self.distribution == "by_service":
            return False
        if self._history.complete and self.distribution == "by_key" and self._is_expected(entries, results):
            return False
        self._learn(entries, results, sent_at, now)
        return True

    # -- private methods -------------------------------------------------------------------------------------------

    def _judge_listed(self, packed: PackedRecord, shard: KnownShard, now: float) -> Judgement:
        """Judge a record by the complete range of the shard that accepted it.

        If the hash that selected the shard is outside this range, keys do not determine the shard.
        """
        if self.distribution != "by_service" and not shard.has(_hash(packed)):
            self._on_contradicted(now)
        return Judgement.DELIVERED if all(map(shard.has, map(hash_of, packed.keys))) else Judgement.DISCARDED

    def _judge_inferred(self, packed: PackedRecord, shard: KnownShard) -> Judgement:
        """Judge a record by the known part of the range of the shard that accepted it, and by neighbouring shards."""
        hashes = [hash_of(key) for key in packed.keys]
        if all(map(shard.has, hashes)):
            return Judgement.DELIVERED
        first, last = self._history.bounds(shard)
        return Judgement.UNDECIDED if first <= min(hashes) and max(hashes) <= last else Judgement.DISCARDED

    def _is_expected(self, entries: Sequence[Record | PackedRecord], results: Sequence[Result]) -> bool:
        """Return whether the results agree with the known shards.

        Every shard that accepted a record must be known and not closed. If the last record was accepted, its shard must
        be the shard that was predicted for it.

        Checking one record per request is enough. If Kinesis chooses the shards itself, at least half of the checks
        fail. Every aggregated record is also compared with its shard in `sort_results`.
        """
        if not self._history.are_open({result.shard_id for result in results if isinstance(result, RecordAccepted)}):
            return False
        entry, result = entries[-1], results[-1]
        if not isinstance(result, RecordAccepted):
            return True
        shard = self._predict(entry)
        return shard is not None and shard.id == result.shard_id

    def _learn(
        self, entries: Sequence[Record | PackedRecord], results: Sequence[Result], sent_at: float, now: float
    ) -> None:
        """Pass to the history each record that an unexpected shard accepted, and one record of each expected shard."""
        accepted, expected, confirmed = self._history.accepted, dict[str, Shard](), list[str]()
        for entry, result in zip(entries, results, strict=True):
            if not isinstance(result, RecordAccepted):
                continue
            shard = self._predict(entry)
            if shard is None or shard.id != result.shard_id:
                accepted(result.shard_id, _hash(entry), sent_at, now)
            else:
                expected[shard.id] = shard
                confirmed.append(entry.key)
        for shard in expected.values():
            accepted(shard.id, shard.first_hash, sent_at, now)
        if len(self._map.shards) > 1 and self._distribution.needs_proof:
            self._distribution.on_confirmed(confirmed)
        self._resolve(now)

    def _predict(self, entry: Record | PackedRecord) -> Shard | None:
        """Return the shard that should accept an entry; None if it is unknown."""
        if isinstance(entry, PackedRecord) and entry.hash_key is not None:
            return self._map.of_hash(int(entry.hash_key))
        return self._map.of_key(entry.key)

    def _resolve(self, now: float) -> None:
        """Update the distribution, the refresh and the map after a change of the history."""
        history = self._history
        if self.distribution != "by_service":
            history.resolve(now)
            if history.contradicted:
                self._on_contradicted(now)
                return
            changed = history.has_new_shard or history.disputed
            self._distribution.on_shards(len(history.usable()), complete=history.complete, changed=changed)
            if self._requested and not history.complete:
                self._refresh.request(urgent=history.has_new_shard)
            history.has_new_shard = False
        self._update_map()

    def _on_contradicted(self, now: float) -> None:
        """Handle an accepted record which shows that Kinesis chooses the shards itself."""
        self._distribution.on_contradicted(now)
        self._history.close_all(now)
        self._update_map()

    def _update_map(self) -> None:
        """Replace the map by the usable shards. Increase the version if `shard_of` may return other shards."""
        known = ShardMap(() if self.distribution == "by_service" else self._history.usable())
        if known.shards != self._map.shards or self.distribution != self._routed_by:
            self._map, self._routed_by = known, self.distribution
            self.version += 1


def _hash(entry: Record | PackedRecord) -> int:
    """Return the explicit hash key of an entry as a number, or else the hash of its partition key."""
    if isinstance(entry, PackedRecord) and entry.hash_key is not None:
        return int(entry.hash_key)
    return hash_of(entry.key)
