"""The accumulator of one destination: it stores the waiting records, and chooses the records of the next request.

The methods have the names of the Kafka producer: `append` new records, `drain` a batch, `reenqueue` failed records,
`split_and_reenqueue` a batch that contains an invalid record. Records of one key stay in order: see `key_queues`.

Sorting records by shard costs a tenth of the CPU time of sending. So plain records are sorted only for a minute after a
shard has throttled them. Packed records with keys are sorted by shard as soon as the shards are known. The accumulator
is not thread-safe: callers hold the lock of the sender pool.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.delivery.batch import Batch
from bridge.delivery.batch_filler import PACKED_DRAIN_RECORDS, BatchFiller
from bridge.delivery.hot_keys import HotKeys
from bridge.delivery.key_queue import NOW, Hold
from bridge.delivery.key_queues import KeyQueues
from bridge.delivery.shard_knowledge import ShardKnowledge
from bridge.delivery.shard_limiter import ShardLimiter
from bridge.kinesis.limits import MAX_REQUEST_BYTES, MAX_REQUEST_RECORDS, counted_bytes, is_long_in_utf16
from bridge.kinesis.packing.packers import PackedRecord
from bridge.kinesis.put_records_codec import RecordAccepted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.kinesis.put_records_codec import Result
    from bridge.kinesis.shard_map import Shard
    from bridge.model import Destination, Record

MAX_BUFFERED_DRAINS = 4
"""Maximum data of a destination that may wait or be in flight: 4 full requests of 10 MiB."""

ROUTED_SECS = 60.0
"""Seconds after a throttle during which plain records are sorted by shard."""

MIN_RECORD_BYTES = 40
"""Bytes on the wire per record in addition to its data. This limits the number of very small records in a request."""

# Maximum number of plain records that wait for full shards, in addition to the records that fill requests.
_MAX_PLAIN_BUFFERED = 20_000

# A record waits while a record with the same key is in flight. So twice as many records with keys are buffered.
_KEYED_BUFFER_FACTOR = 2


@dataclass(slots=True)
class _Part:
    """Some records of a request that Kinesis rejected as invalid. Parts are sent before all other records."""

    records: list[Record]
    hold: Hold
    not_before: float = NOW


class RecordAccumulator:
    """Waiting records of one destination."""

    def __init__(self, destination: Destination, linger_secs: float) -> None:
        self.shards = ShardKnowledge(destination)
        self.limiter = ShardLimiter()
        self.hot_keys = HotKeys(str(destination), packed=destination.packing != "none")
        self.keep_routed = False
        """True while the sorting by shard must continue, because records of a shard are deferred on disk."""
        self.strict = destination.order == "strict"
        self.linger_secs = linger_secs
        """Seconds that a record waits for more records to fill its request."""
        self._destination = destination
        self._keyless = destination.keys == "spread"
        self._queues = KeyQueues(keyless=self._keyless, exact=self.strict)
        self._filler = BatchFiller(destination, self._queues, self.shards, self.limiter)
        self._parts: deque[_Part] = deque()
        self._part_in_flight = False
        # Time until which the next batch waits for more records, so that requests are not small.
        self._linger_until = NOW
        self._max_bytes = MAX_REQUEST_BYTES
        self._routed_until = NOW
        self._routed_by: tuple[int, bool] = (-1, False)
        if destination.packing != "none":
            self.shards.request()
        self._filler.choose_packer()

    def tune(self, linger_secs: float, max_packed_bytes: int) -> None:
        """Set the linger time in seconds, and the maximum size of a packed record in bytes, for all later batches."""
        self.linger_secs, self._filler.max_packed_bytes = linger_secs, max_packed_bytes

    # -- waiting records -------------------------------------------------------------------------------------------

    @property
    def records(self) -> int:
        """Number of waiting records."""
        return self._queues.records + sum(len(part.records) for part in self._parts)

    @property
    def counted_bytes(self) -> int:
        """Total size of the waiting records in bytes, as Kinesis counts it: data and keys."""
        return self._queues.size + sum(counted_bytes(record) for part in self._parts for record in part.records)

    @property
    def ratio(self) -> float:
        """Approximate number of record bytes per byte of request data; more than 1 if records are compressed."""
        return 1.0 if self._filler.packer is None else self._filler.packer.ratio

    def capacity(self, requests: int) -> tuple[int, int]:
        """Return how many records and bytes may wait or be in flight, with at most `requests` requests in flight."""
        drains = min(requests, MAX_BUFFERED_DRAINS)
        size = drains * MAX_REQUEST_BYTES
        if self._filler.packer is not None or self.strict:
            return drains * PACKED_DRAIN_RECORDS, size
        records = requests * MAX_REQUEST_RECORDS * (1 if self._keyless else _KEYED_BUFFER_FACTOR)
        return records + (_MAX_PLAIN_BUFFERED if self._routed else 0), size

    def free_capacity(self, requests: int, max_bytes: int, in_flight: int, now: float) -> tuple[int, int]:
        """Return how many new records and bytes to read, so that `requests` more requests of `max_bytes` each are full.

        The records for these requests are read together, so that each request gets different keys. The keys of the
        `in_flight` requests are muted, and records of muted keys must wait. So more records are read than the requests
        can contain.
        """
        if self._parts or self._part_in_flight:
            return 0, 0
        if self._keyless:
            requests = 1  # records without keys are never muted, so it is enough to read them for one request
        records = requests * self._per_request
        size = int(requests * max_bytes * self.ratio)
        ready_records, ready_bytes = self._queues.count_ready(now)
        muted = 1 if self._keyless or self.strict else (in_flight + requests) / requests
        return int(max(0, records - ready_records) * muted), int(max(0, size - ready_bytes) * muted)

    def is_underfilled(self, max_bytes: int, now: float) -> bool:
        """Return whether a request would now be less than half full, because most waiting records have muted keys."""
        size = int(max_bytes * self.ratio / 2)
        ready_records, ready_bytes = self._queues.count_ready(now)
        return (
            not self._parts
            and ready_records < self._per_request / 2
            and ready_bytes < size <= self.counted_bytes - ready_bytes
        )

    def next_due(self, now: float) -> float | None:
        """Return the time from which records may be sent; None if no record waits, or a response must arrive first."""
        if self._part_in_flight:
            return None
        if self._parts:
            return self._parts[0].not_before
        lingers = now < self._linger_until and not self._fills_request(now)
        return self._queues.next_due(self._linger_until if lingers else NOW)

    def oldest(self) -> int | None:
        """Return the number of the oldest waiting record."""
        numbers = [part.records[0].number for part in self._parts if part.records]
        oldest = self._queues.oldest()
        return min([*numbers, *([] if oldest is None else [oldest])], default=None)

    def by_shard(self) -> list[tuple[Shard, int, int]]:
        """Return (shard, waiting records, their bytes) of each shard; [] if records are not sorted by shard."""
        return self._queues.by_shard()

    # -- adding records --------------------------------------------------------------------------------------------

    def append(self, records: Sequence[Record], now: float) -> None:
        """Append new records, in the order of the spool."""
        self._update_routing(now)
        self._queues.append(records)

    def reenqueue(self, records: Sequence[Record], not_before: float = NOW) -> None:
        """Put undelivered records back, before later records of the same keys. The caller then releases the holds."""
        self._linger_until = NOW
        self._queues.reenqueue(records, not_before)

    def withhold(self, records: Sequence[Record]) -> Hold:
        """Mute the keys of records that the caller stores. The caller later passes the returned hold to `release`."""
        return self._queues.withhold(records)

    def release(self, *holds: Hold, now: float = NOW) -> None:
        """Unmute the keys of `holds`. All records of the holds must have been settled or reenqueued.

        The caller passes `now` if all records were settled. The records that waited for these keys then linger like new
        records. Otherwise, the few records that arrived during one request would form a small request. With strict
        order, records do not linger. A request then has only one record of each key, so every record would be delayed.
        """
        if not self._queues.any_ready:
            self._linger_until = NOW if self.strict else now + self.linger_secs
        for hold in holds:
            self._queues.release(hold)

    def split_and_reenqueue(self, records: Sequence[Record]) -> None:
        """Send these records again as two parts, before all other records, to find the invalid record.

        Records whose keys may be too long form one part, because the other part is then probably valid. If all records
        or no records have such keys, each part is one half. With strict order, one part is in flight at a time.
        """
        long = [record for record in records if is_long_in_utf16(record)]
        others = [record for record in records if not is_long_in_utf16(record)] if long else []
        middle = len(records) // 2
        parts = (others, long) if others else (records[:middle], records[middle:])
        halves = [_Part(list(part), self.withhold(part)) for part in parts]
        if self.strict:
            self._parts.extendleft(reversed(halves))
        else:
            self._parts += halves

    def reenqueue_part(self, records: Sequence[Record], not_before: float = NOW) -> None:
        """Send a part again before all other records, because its request failed or its records were throttled."""
        self._parts.appendleft(_Part(list(records), self.withhold(records), not_before if self.strict else NOW))

    def part_returned(self) -> None:
        """Note that the request with the records of a part has ended."""
        self._part_in_flight = False

    def watch_keys(self, fresh: Sequence[Record], received_ms: Callable[[int], int], now: float) -> None:
        """Count the keys of new records while a shard is busy. The caller defers records on disk after this call."""
        if now >= self._filler.busy_until:
            self.hot_keys.reset()
        elif fresh:
            self.hot_keys.add(fresh, received_ms(max(fresh).number), now)

    # -- building batches ------------------------------------------------------------------------------------------

    def drain(self, max_record_bytes: int, max_bytes: int, requests: int, now: float) -> Batch:
        """Return the next batch; it is empty if no record may be sent now.

        Packed records have at most `max_record_bytes`. The batch has at most `max_bytes`, or contains one larger
        record. `requests` is the number of requests that may start now. The waiting keys are divided among these
        requests.
        """
        self._update_routing(now)
        self._filler.now = now
        self._linger_until = NOW if self.strict else now + self.linger_secs
        self._max_bytes = max_bytes
        batch = Batch(max_bytes=max_bytes, max_records=max(1, min(MAX_REQUEST_RECORDS, max_bytes // MIN_RECORD_BYTES)))
        if self._parts or self._part_in_flight:
            return self._drain_part(batch, max_record_bytes)
        batch.limited = self._routed or self._filler.packer is not None
        share = self._share(max_bytes, requests)
        for shard_queue in self._queues.ready(now):
            self._filler.fill(batch, shard_queue, max_record_bytes, max(1, int(len(shard_queue.ready) * share + 0.999)))
            if batch.full:
                break
            if shard_queue.ready and shard_queue.shard is not None and self._filler.exhausted(shard_queue.shard):
                self._filler.wait_for_shard(shard_queue, shard_queue.shard)
        return batch

    def throttled(self, entry: Record | PackedRecord, now: float) -> bool:
        """Note that a shard throttled `entry`. Return whether the shard's limiter decides when to send it again."""
        if self._filler.packer is None:
            self._routed_until = now + ROUTED_SECS
            self.shards.request()
        return self._shard_of_entry(entry) is not None

    def on_shard_results(self, batch: Batch, results: Sequence[Result], now: float) -> None:
        """Report the accepted and refused records of each shard to the limiter, if the limiter counted the batch."""
        if not batch.limited:
            return
        outcomes: dict[str, list[tuple[int, bool]]] = {}
        for entry, result in zip(batch.entries, results, strict=True):
            if (shard := self._shard_of_entry(entry)) is not None:
                size = entry.counted_bytes if isinstance(entry, PackedRecord) else counted_bytes(entry)
                outcomes.setdefault(shard.id, []).append((size, isinstance(result, RecordAccepted)))
        for shard_id, of_shard in outcomes.items():
            if all(accepted for _, accepted in of_shard):
                self.limiter.on_accepted(
                    shard_id, len(of_shard), sum([size for size, _ in of_shard]), now, batch.started_at
                )
            else:
                self.limiter.on_results(shard_id, of_shard, now, batch.started_at)

    @property
    def awaits_description(self) -> bool:
        """True while records should wait for the first DescribeStreamSummary, which decides whether they are packed."""
        return not self.shards.described and self._destination.packing == "kpl"

    def on_distribution_changed(self) -> None:
        """Decide again whether to pack records, because the stream's record distribution may have changed."""
        self._filler.choose_packer()

    # -- private methods -------------------------------------------------------------------------------------------

    @property
    def _routed(self) -> bool:
        return self._routed_by[1]

    @property
    def _per_request(self) -> int:
        """Maximum number of waiting records that are drawn to fill one request."""
        return MAX_REQUEST_RECORDS if self._filler.packer is None else PACKED_DRAIN_RECORDS

    def _fills_request(self, now: float) -> bool:
        """Return whether enough records are ready to fill a request of the `max_bytes` that `drain` last received."""
        records, size = self._queues.count_ready(now)
        return records >= self._per_request or size >= self._max_bytes * self.ratio

    def _shard_of_entry(self, entry: Record | PackedRecord) -> Shard | None:
        """Return the shard whose limiter counted an entry; None if no limiter counted it."""
        if isinstance(entry, PackedRecord):
            return entry.shard
        return self.shards.shard_of(entry.key) if self._routed else None

    def _update_routing(self, now: float) -> None:
        """Start or stop sorting by shard, depending on the known shards and on recent throttling."""
        throttled = now < self._routed_until or self.keep_routed
        useful = (throttled if self._filler.packer is None else not self._keyless) and bool(self.shards.shards)
        wanted = (self.shards.version if useful else -1, useful)
        if wanted != self._routed_by:
            if useful and not self._routed and throttled:
                # Until now, records were sent without the limiter, and were throttled. So the shards count as full.
                for shard in self.shards.shards:
                    self.limiter.exhaust(shard.id, now)
            if useful:
                self.limiter.retain({shard.id for shard in self.shards.shards})
            self._routed_by = wanted
            self._queues.reroute(self.shards.shard_of if useful else None)

    def _share(self, max_bytes: int, requests: int) -> float:
        """Return the fraction of the key queues that a batch may use. The other queues are for parallel requests."""
        if self.strict or self._keyless or requests <= 1:
            return 1.0
        records, size = self._queues.count_ready(self._filler.now)
        return min(1.0, max(1 / requests, self._per_request / max(records, 1), max_bytes / max(size, 1)))

    def _drain_part(self, batch: Batch, max_record_bytes: int) -> Batch:
        if self._part_in_flight or self._parts[0].not_before > self._filler.now:
            return batch
        part = self._parts.popleft()
        batch.part, self._part_in_flight = True, self.strict
        batch.holds.append(part.hold)
        records = part.records
        if self._filler.packer is None:
            plain = records[:MAX_REQUEST_RECORDS]
            batch.add_plain(plain, sum(map(counted_bytes, plain)))
        else:
            self._add_part(batch, records, max_record_bytes)
        sent = {record.number for record in batch.records}
        if rest := [record for record in records if record.number not in sent]:
            self._parts.appendleft(_Part(rest, self.withhold(rest)))
        return batch

    def _add_part(self, batch: Batch, records: Sequence[Record], max_record_bytes: int) -> None:
        assert self._filler.packer is not None  # noqa: S101 - the caller has checked it
        max_packed = min(max_record_bytes, self._filler.max_packed_bytes)
        for packed in self._filler.packer.pack(records, None, max_packed, max_record_bytes):
            if batch.records and (self.strict or batch.full):
                break
            batch.add_packed(packed, packed.counted_bytes)
