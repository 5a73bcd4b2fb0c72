"""The accumulator of one destination: the records that wait, and what goes into the next request.

The method names are those of the Kafka producer: `append` fresh records, `drain` a batch, `reenqueue` failed records,
`split_and_reenqueue` a batch that contains an invalid record. `key_queues` keeps the order per key.

Plain records are sorted by shard only for some time after a shard has throttled, because sorting takes a tenth of the
CPU of sending. Packed records with keys are sorted by shard as soon as the shards are known. Not thread-safe: the
sender pool guards it.
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
"""Number of full requests (10 MiB each) that may wait or be in flight: it limits a destination to 40 MiB of data."""

ROUTED_SECS = 60.0
"""Seconds after a throttle during which plain records are sorted by shard."""

MIN_RECORD_BYTES = 40
"""Bytes on the wire for each record in addition to its data: its JSON in the request, and its result.
"""

# Maximum number of plain records that wait for busy shards. Records that fill requests are not counted.
_MAX_PLAIN_BUFFERED = 20_000

# Plain records with keys, as a multiple of those in flight: as many wait for a request of their key to end.
_KEYED_BUFFER_FACTOR = 2


@dataclass(slots=True)
class _Part:
    """Half of a request that Kinesis rejected as invalid. With strict order, nothing else is sent before it."""

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
        """True while some records of a shard are deferred on disk: see `shard_deferral`."""
        self.strict = destination.order == "strict"
        self.linger_secs = linger_secs
        """Time that a record waits for others to share its request."""
        self._destination = destination
        self._keyless = destination.keys == "spread"
        self._queues = KeyQueues(keyless=self._keyless, exact=self.strict)
        self._filler = BatchFiller(destination, self._queues, self.shards, self.limiter)
        self._parts: deque[_Part] = deque()
        self._part_in_flight = False
        # Time until which records after a full batch, or muted ones, wait for others to fill a request.
        self._linger_until = NOW
        self._max_bytes = MAX_REQUEST_BYTES
        self._routed_until = NOW
        self._routed_by: tuple[int, bool] = (-1, False)
        if destination.packing != "none":
            self.shards.request()
        self._filler.choose_packer()

    def tune(self, linger_secs: float, max_packed_bytes: int) -> None:
        """Set the linger and the maximum size of a packed record for all later batches."""
        self.linger_secs, self._filler.max_packed_bytes = linger_secs, max_packed_bytes

    # -- what waits ------------------------------------------------------------------------------------------------

    @property
    def records(self) -> int:
        """Number of waiting records."""
        return self._queues.records + sum(len(part.records) for part in self._parts)

    @property
    def counted_bytes(self) -> int:
        """Data and keys of all waiting records, in bytes."""
        return self._queues.size + sum(counted_bytes(record) for part in self._parts for record in part.records)

    @property
    def ratio(self) -> float:
        """Approximate number of record bytes per byte of request data: more than 1 if they are compressed."""
        return 1.0 if self._filler.packer is None else self._filler.packer.ratio

    def capacity(self, requests: int) -> tuple[int, int]:
        """Return the maximum records and bytes that may wait or be in flight with this number of requests."""
        drains = min(requests, MAX_BUFFERED_DRAINS)
        size = drains * MAX_REQUEST_BYTES
        if self._filler.packer is not None or self.strict:
            return drains * PACKED_DRAIN_RECORDS, size
        records = requests * MAX_REQUEST_RECORDS * (1 if self._keyless else _KEYED_BUFFER_FACTOR)
        return records + (_MAX_PLAIN_BUFFERED if self._routed else 0), size

    def free_capacity(self, requests: int, max_bytes: int, in_flight: int, now: float) -> tuple[int, int]:
        """Return the number of fresh records, and their bytes, to read for `requests` further requests of `max_bytes`.

        Requests from a backlog are filled at once, so that each gets different keys. The `in_flight` requests mute
        their keys, so most records must wait. More records than fit are therefore read, so that enough have other keys.
        """
        if self._parts or self._part_in_flight:
            return 0, 0
        if self._keyless:
            requests = 1  # any records do for any request
        records = requests * self._per_request
        size = int(requests * max_bytes * self.ratio)
        ready_records, ready_bytes = self._queues.count_ready(now)
        muted = 1 if self._keyless or self.strict else (in_flight + requests) / requests
        return int(max(0, records - ready_records) * muted), int(max(0, size - ready_bytes) * muted)

    def is_underfilled(self, max_bytes: int, now: float) -> bool:
        """Return whether a request now would be less than half full, because most waiting records have muted keys."""
        size = int(max_bytes * self.ratio / 2)
        ready_records, ready_bytes = self._queues.count_ready(now)
        return (
            not self._parts
            and ready_records < self._per_request / 2
            and ready_bytes < size <= self.counted_bytes - ready_bytes
        )

    def next_due(self, now: float) -> float | None:
        """Return when something may be sent; None if no record waits, or if a response must arrive first."""
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
        """Return each shard with its waiting records and bytes, or [] if records are not sorted by shard."""
        return self._queues.by_shard()

    # -- what comes in ---------------------------------------------------------------------------------------------

    def append(self, records: Sequence[Record], now: float) -> None:
        """Append fresh records, in the order of the spool."""
        self._update_routing(now)
        self._queues.append(records)

    def reenqueue(self, records: Sequence[Record], not_before: float = NOW) -> None:
        """Put undelivered records back, in front of later records with their keys. The caller releases their batch."""
        self._linger_until = NOW
        self._queues.reenqueue(records, not_before)

    def withhold(self, records: Sequence[Record]) -> Hold:
        """Mute the keys of records that are stored elsewhere, until `release`."""
        return self._queues.withhold(records)

    def release(self, *holds: Hold, now: float = NOW) -> None:
        """Unmute the keys of a batch, or of withheld records, once all of them are settled or reenqueued.

        The caller passes `now` if all records were settled. The records that waited for these keys then linger like
        fresh records. Otherwise, the few records that arrived during one request would form a small request. With
        strict order they are sent at once, because a key has only one request in flight.
        """
        if not self._queues.any_ready:
            self._linger_until = NOW if self.strict else now + self.linger_secs
        for hold in holds:
            self._queues.release(hold)

    def split_and_reenqueue(self, records: Sequence[Record]) -> None:
        """Send these records again as two parts, before all others, because one of them can never be accepted.

        The parts are halves. Records whose keys may be too long form one part, so that the other part need not be
        halved again. All records of a key are in the same part, so they keep their order.
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
        """Send a part again before all other records, because it got no response."""
        self._parts.appendleft(_Part(list(records), self.withhold(records), not_before if self.strict else NOW))

    def part_returned(self) -> None:
        """Note that the part in flight was answered or failed."""
        self._part_in_flight = False

    def watch_keys(self, fresh: Sequence[Record], received_ms: Callable[[int], int], now: float) -> None:
        """Count the keys of fresh records while a shard is busy, before any of them are deferred on disk."""
        if now >= self._filler.busy_until:
            self.hot_keys.reset()
        elif fresh:
            self.hot_keys.add(fresh, received_ms(max(fresh).number), now)

    # -- what goes out ---------------------------------------------------------------------------------------------

    def drain(self, max_record_bytes: int, max_bytes: int, requests: int, now: float) -> Batch:
        """Return the next batch; it is empty if nothing may be sent now.

        No Kinesis record is larger than `max_record_bytes`. The batch has at most `max_bytes`, unless a single record
        is larger. `requests` is the number of requests that may start now. A backlog is divided among them by keys.
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
        """Note a throttled record. Return whether the limiter of its shard decides when it is sent again."""
        if self._filler.packer is None:
            self._routed_until = now + ROUTED_SECS
            self.shards.request()
        return self._shard_of_entry(entry) is not None

    def on_shard_results(self, batch: Batch, results: Sequence[Result], now: float) -> None:
        """Report the accepted and refused records of each shard to the limiter.

        The limiter was charged for the batch.
        """
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
        """True until the first DescribeStreamSummary has ended, if its response decides how records are packed."""
        return not self.shards.described and self._destination.packing == "kpl"

    def on_distribution_changed(self) -> None:
        """Choose whether to pack records, because the stream's record distribution may have changed."""
        self._filler.choose_packer()

    # -- inside ----------------------------------------------------------------------------------------------------

    @property
    def _routed(self) -> bool:
        return self._routed_by[1]

    @property
    def _per_request(self) -> int:
        """Number of waiting records from which one request is filled."""
        return MAX_REQUEST_RECORDS if self._filler.packer is None else PACKED_DRAIN_RECORDS

    def _fills_request(self, now: float) -> bool:
        """Return whether enough records are ready to fill a request of the last allowed size."""
        records, size = self._queues.count_ready(now)
        return records >= self._per_request or size >= self._max_bytes * self.ratio

    def _shard_of_entry(self, entry: Record | PackedRecord) -> Shard | None:
        """Return the shard whose limiter was charged for an entry."""
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
                for shard in self.shards.shards:
                    self.limiter.exhaust(shard.id, now)
            self._routed_by = wanted
            self._queues.reroute(self.shards.shard_of if useful else None)

    def _share(self, max_bytes: int, requests: int) -> float:
        """Return the share of the key queues that a batch may use: less than 1 if it has no room for all.

        The remaining keys are for the other requests that are sent at the same time.
        """
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
        assert self._filler.packer is not None  # noqa: S101 - the one caller has looked
        max_packed = min(max_record_bytes, self._filler.max_packed_bytes)
        for packed in self._filler.packer.pack(records, None, max_packed, max_record_bytes):
            if batch.records and (self.strict or batch.full):
                break
            batch.add_packed(packed, packed.counted_bytes)
