"""What is sent next: fills requests from the lanes, packed as the destination wants, and paced as each shard takes it.

Plain records are sorted to their shards only for a while after a shard has throttled, since finding out costs a tenth
of what sending them does; packed ones always, as soon as the shards are known. Not thread-safe: the sender guards it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from bridge.delivery.batch import Batch
from bridge.delivery.hot_keys import HotKeys
from bridge.delivery.shard_limiter import Rates
from bridge.delivery.shard_queues import NOW, Lane, Lanes
from bridge.kinesis.limits import MAX_REQUEST_BYTES, MAX_REQUEST_RECORDS, counted_bytes
from bridge.kinesis.packing.packers import Packed, packer
from bridge.kinesis.shard_map import ShardMap, ShardWatch, hash_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bridge.delivery.key_queues import KeyLane
    from bridge.kinesis.shard_map import Shard
    from bridge.model import Destination, Record

PACKED_TURN_RECORDS = 10_000
"""Records of the queue that one request of packed ones is filled from."""

FULL_REQUESTS = 4
"""Of the largest kind; so much may wait and be in flight, however many smaller requests there may be: it bounds memory.
"""

PACED_SECS = 60.0
"""So long after a throttle plain records are sorted by shard."""

_HELD_FOR_BUSY_SHARDS = 20_000
_BUSY_SECS = 1.0
_PLACES_TRIED = 8
_SHARDS_SUMMED = 64


class Dispatch:
    """The waiting records of one destination. `linger_secs` and `most_bytes` (of a packed record) may be changed."""

    keeps_parts = False
    """Whether what fails of a half is sent as a half again, before all else."""

    def __init__(self, destination: Destination, linger_secs: float) -> None:
        self.shards = ShardWatch()
        self.rates = Rates()
        self.linger_secs = linger_secs
        self.most_bytes = 0
        self.request_bytes = MAX_REQUEST_BYTES
        self.hot_keys = HotKeys(str(destination), packed=destination.packing != "none")
        self._lanes = Lanes()
        self._destination = destination
        self._packer = packer(destination, self._place)
        self._spread = destination.keys == "spread"
        self._paced_until = NOW
        self._sorted_by: ShardMap | None = None
        self._parts: deque[list[Record]] = deque()
        self._now = NOW
        self._busy_until = NOW
        self.keeps_sorted = False
        """Whether some of a shard are left on disk: see `surplus`."""
        if self._packer is not None:
            self.shards.want()

    @property
    def records(self) -> int:
        """How many wait."""
        return self._lanes.records + sum(map(len, self._parts))

    @property
    def counted_bytes(self) -> int:
        """Data and keys of all that waits."""
        return self._lanes.counted_bytes + sum(counted_bytes(record) for part in self._parts for record in part)

    def capacity(self, requests: int) -> tuple[int, int]:
        """How many records, and bytes of them, may wait and be in flight, where so many requests may be under way."""
        records, size = full_capacity(requests)
        if self._packer is not None:
            return records, size
        held = _HELD_FOR_BUSY_SHARDS if self._sorted_by is not None else 0
        return requests * MAX_REQUEST_RECORDS + held, size

    def place_by_key(self, by_key: bool) -> None:
        """Whether the keys of records decide on their shards. Where they do not, nothing is aggregated or sorted."""
        self.shards.useless = not by_key
        self.shards.map = None
        aggregates = self._destination.packing == "kpl"
        self._packer = None if aggregates and not by_key else packer(self._destination, self._place)
        if self._packer is not None:
            self.shards.want()

    def by_shard(self) -> list[tuple[Shard, int, int]]:
        """Of each shard, the records that wait and their bytes; nothing where they are not sorted by shard."""
        return self._lanes.by_shard()

    def wanted(self, now: float) -> tuple[int, int]:
        """How many fresh records, and bytes of them, the next request has room for beside what is ready."""
        if self._parts:
            return 0, 0
        records = MAX_REQUEST_RECORDS if self._packer is None else PACKED_TURN_RECORDS
        size = int(self.request_bytes * (1.0 if self._packer is None else self._packer.ratio))
        for lane in self._lanes.ready(now):
            room = self.rates.room(lane.shard.id, now) if lane.shard else (records, size)
            records -= min(len(lane.records), room[0]) if self._packer is None else len(lane.records)
            size -= min(lane.size, room[1])
        return max(0, records), max(0, size)

    def next_due(self, now: float) -> float | None:
        """When something may be sent; None if nothing waits."""
        del now
        return NOW if self._parts else self._lanes.next_due()

    def add(self, records: Sequence[Record], now: float) -> None:
        """Fresh records, in the order of the queue."""
        self._choose_lanes(now)
        if self._sorted_by is None:
            self._lanes.open.put(records, sum([counted_bytes(record) for record in records]))
        else:
            self._lanes.sort(records, self._sorted_by.of_key)

    def watch_keys(self, collected: Sequence[Record], received_ms: Callable[[int], int], now: float) -> None:
        """Count the keys of what comes in while a shard is busy, before anything of it is left on disk."""
        if now >= self._busy_until:
            self.hot_keys.calm()
        elif collected:
            newest = max(collected)  # by number, which no two share
            self.hot_keys.add(collected, received_ms(newest.number), now)

    def put_back(self, records: Sequence[Record], due: float | None = None) -> None:
        """Records that were not delivered, not to be sent before `due`; None: when their shard takes them."""
        if due is None and self._sorted_by is not None:
            self._lanes.put_back(records, self._sorted_by.of_key)
        elif due is None and self._spread and self.shards.map is not None:
            self._lanes.open.put_back(records)
        else:
            self._lanes.again(records, NOW if due is None else due)

    def halve(self, records: Sequence[Record]) -> None:
        """One of these can never be accepted: send the halves, each by itself and before all else."""
        middle = len(records) // 2
        self._parts += (list(records[:middle]), list(records[middle:]))

    def part_again(self, records: Sequence[Record], due: float = NOW) -> None:
        """A half that was not answered: the next to be sent. `due` is for those that send halves in order."""
        del due
        self._parts.appendleft(list(records))

    def part_returned(self) -> None:
        """A half is no longer in flight."""

    def hold(self, records: Iterable[Record]) -> None:
        """Records that wait for the stream's limit to be known, and are put back or settled then."""

    def settled(self, records: Iterable[Record]) -> None:
        """Records that were sent or held are done with."""

    def throttled(self, entry: Record | Packed, now: float) -> bool:
        """A record of the stream was throttled. Whether its shard is known, and so holds back what is bound for it."""
        if self._packer is None:
            self._paced_until = now + PACED_SECS
            self.shards.want()
        shard = entry.shard if isinstance(entry, Packed) else None
        if self._sorted_by is not None:
            shard = self._sorted_by.of_key(entry.key)
        if shard is None:
            return False
        self.rates.throttled(shard.id, now)
        return True

    def accepted(self, shard_id: str) -> None:
        """A shard took something. One that is not known came of others: the stream was resharded."""
        self.rates.accepted(shard_id)
        if self.shards.map is not None and self.shards.map.get(shard_id) is None:
            self.shards.doubt()

    def load(self, limit: int, now: float) -> Batch:
        """The next request; empty if nothing may be sent now. No record of it is larger than `limit`."""
        self._choose_lanes(now)
        self._now = now
        batch = Batch(most_bytes=self.request_bytes)
        if self._parts:
            batch.part = True
            lane = Lane()
            lane.put_back(self._parts.popleft())
            self._draw(lane, batch, limit)
            if lane.records:
                self._parts.appendleft(list(lane.records))
            return batch
        for lane in self._ready_lanes(now):
            self._draw(lane, batch, limit)
            if batch.room_records <= 0 or batch.room_bytes <= 0:
                break
            if lane.records and lane.shard is not None and batch.room_bytes > 0:
                self._hold(lane, lane.shard)  # it got what its shard takes now
        self._lanes.tidy()
        return batch

    def oldest(self) -> int | None:
        """The number of the oldest record that waits."""
        numbers = [part[0].number for part in self._parts if part]
        return min([*numbers, *self._lanes.oldest()], default=None)

    def _ready_lanes(self, now: float) -> list[Lane]:
        lanes = self._lanes.ready(now)
        if self._sorted_by is None or not (lanes and lanes[0].shard is None):
            return lanes
        for lane in lanes:
            if lane.shard is None:
                self._lanes.put_back(lane.records, self._sorted_by.of_key)
                lane.records.clear()
                lane.size = 0
        self._lanes.tidy()
        return self._lanes.ready(now)

    def _choose_lanes(self, now: float) -> None:
        """Sort by shard, or stop it, as the map and the trouble are now."""
        of_use = not self._spread if self._packer is not None else now < self._paced_until or self.keeps_sorted
        chosen = self.shards.map if of_use else None
        if chosen is not self._sorted_by:
            self._sorted_by = chosen
            self._sort_anew()

    def _sort_anew(self) -> None:
        self._lanes.sort_anew(self._sorted_by.of_key if self._sorted_by else None)

    def _draw(self, lane: Lane, batch: Batch, limit: int) -> None:
        if lane.shard is not None and min(self.rates.room(lane.shard.id, self._now)) <= 0:
            return
        if self._packer is None:
            self._draw_plain(lane, batch)
        else:
            self._draw_packed(lane, batch, min(limit, self.most_bytes))

    def _draw_plain(self, lane: Lane, batch: Batch) -> None:
        records, size, shard = batch.room_records, batch.room_bytes, lane.shard
        if not batch.records:
            size = max(size, counted_bytes(lane.records[0]))
        if shard is not None:
            most, most_bytes = self.rates.room(shard.id, self._now)
            records, size = min(records, most), min(size, max(most_bytes, counted_bytes(lane.records[0])))
        taken, taken_bytes = lane.take(records, size)
        batch.add_plain(taken, taken_bytes)
        if shard is not None:
            self.rates.spend(shard.id, len(taken), taken_bytes, self._now)

    def _draw_packed(self, lane: Lane, batch: Batch, most: int) -> None:
        """Packed records, until the request or their shard has no more room; what is left goes back to the lane."""
        assert self._packer is not None  # noqa: S101 - the one caller has looked
        size = min(batch.room_bytes, self._allowed(lane)) * self._packer.ratio
        taken, _ = lane.take(PACKED_TURN_RECORDS, max(int(size), counted_bytes(lane.records[0])))
        sent = 0
        for packed in self._packer.pack(taken, lane.shard, most):
            size = packed.counted_bytes
            if (size > batch.room_bytes and batch.records) or batch.room_records <= 0:
                break
            if packed.shard is not None:
                if min(self.rates.room(packed.shard.id, self._now)) <= 0 and not batch.part:
                    self._hold(lane, packed.shard)  # where there is a choice, none of its shards has room
                    break
                self.rates.spend(packed.shard.id, 1, size, self._now)
            batch.add_packed(packed, size)
            sent += len(packed.records)
        if sent < len(taken):
            gone = {record.number for each in batch.packed or () for record in each.records}
            lane.put_back([record for record in taken if record.number not in gone])

    def _allowed(self, lane: Lane) -> int:
        """The bytes that may go from this lane now."""
        if lane.shard is not None:
            return self.rates.room(lane.shard.id, self._now)[1]
        shards = self.shards.map.shards if self._spread and self.shards.map else ()
        if not 0 < len(shards) <= _SHARDS_SUMMED:
            return MAX_REQUEST_BYTES
        return sum([max(0, self.rates.room(shard.id, self._now)[1]) for shard in shards])

    def _hold(self, lane: Lane | KeyLane, shard: Shard) -> None:
        """The shard takes nothing now: wait for it, and for so much that a request is worth while."""
        lane.due = self._now + max(self.linger_secs, self.rates.wait_secs(shard.id, self._now))
        self._busy_until = lane.due + _BUSY_SECS

    def _place(self, number: int) -> tuple[str, Shard | None]:
        """A key for a packed record without one: of a few, the one whose shard has the most room."""
        shards = self.shards.map
        if shards is None:
            return str(number), None
        keys = [str(number), *(f"{number}-{attempt}" for attempt in range(1, _PLACES_TRIED))]
        places = [(key, shards.of_hash(hash_of(key))) for key in keys[: _PLACES_TRIED if len(shards.shards) > 1 else 1]]
        return max(places, key=lambda place: self.rates.room(place[1].id, self._now)[1])


def full_capacity(requests: int) -> tuple[int, int]:
    """Records, and bytes of them, for so many requests, each filled from a whole turn of the queue."""
    full = min(requests, FULL_REQUESTS)
    return full * PACKED_TURN_RECORDS, full * MAX_REQUEST_BYTES
