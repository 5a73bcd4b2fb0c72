"""`order: strict`: of each partition key, a record is sent only when all before it are settled.

So a record that failed holds back the later ones of its key, and no others. Of one key no more than one record of the
stream is under way at once; packed, it carries as many of the key's as fit, and more keys of the same shard (`kpl`).

What halving leaves is sent one after the other, and a half that fails stands first again: its keys wait for all of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.delivery.accumulator import PACKED_TURN_RECORDS, Dispatch, full_capacity
from bridge.delivery.batch import Batch
from bridge.delivery.key_queues import KeyLines
from bridge.delivery.shard_queues import NOW
from bridge.kinesis.limits import counted_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.delivery.key_queues import KeyLane
    from bridge.kinesis.shard_map import Shard
    from bridge.model import Destination, Record

LOOK_AGAIN_SECS = 0.01
"""While records wait for others of their key, an answer lets them go, and the wait for fresh ones must not last."""


class StrictDispatch(Dispatch):
    """As `Dispatch`, in the order of each key."""

    keeps_parts = True

    def __init__(self, destination: Destination, linger_secs: float) -> None:
        super().__init__(destination, linger_secs)
        self._lines = KeyLines()
        self._one_key = destination.packing == "lines"
        self._part_out = False
        self._parts_due = NOW

    @property
    def records(self) -> int:
        """As `Dispatch`."""
        return self._lines.records + sum(map(len, self._parts))

    @property
    def counted_bytes(self) -> int:
        """As `Dispatch`."""
        return self._lines.counted_bytes + sum(counted_bytes(record) for part in self._parts for record in part)

    def capacity(self, requests: int) -> tuple[int, int]:
        """As `Dispatch`: enough that records which wait for others of their key leave room for other keys."""
        return full_capacity(requests)

    def by_shard(self) -> list[tuple[Shard, int, int]]:
        """As `Dispatch`; of the bytes, about how many."""
        return self._lines.by_shard()

    def wanted(self, now: float) -> tuple[int, int]:
        """As `Dispatch`."""
        del now
        return (0, 0) if self._parts or self._part_out else (PACKED_TURN_RECORDS, self.request_bytes)

    def next_due(self, now: float) -> float | None:
        """As `Dispatch`."""
        if self._part_out:
            return now + LOOK_AGAIN_SECS
        due = self._parts_due if self._parts else self._lines.next_due()
        return now + LOOK_AGAIN_SECS if due is None and self._lines.records else due

    def oldest(self) -> int | None:
        """As `Dispatch`."""
        return min([*(part[0].number for part in self._parts), *self._lines.firsts()], default=None)

    def add(self, records: Sequence[Record], now: float) -> None:
        """As `Dispatch`."""
        self._choose_lanes(now)
        self._lines.add(records)

    def hold(self, records: Iterable[Record]) -> None:
        """As `Dispatch`."""
        self._lines.hold(records)

    def settled(self, records: Iterable[Record]) -> None:
        """As `Dispatch`."""
        self._lines.settled(records)

    def put_back(self, records: Sequence[Record], due: float | None = None) -> None:
        """As `Dispatch`."""
        self._lines.put_back(records, NOW if due is None else due)

    def halve(self, records: Sequence[Record]) -> None:
        """As `Dispatch`."""
        middle = len(records) // 2
        self._parts.extendleft((list(records[middle:]), list(records[:middle])))

    def part_again(self, records: Sequence[Record], due: float = NOW) -> None:
        """As `Dispatch`."""
        self._parts.appendleft(list(records))
        self._parts_due = due

    def part_returned(self) -> None:
        """As `Dispatch`."""
        self._part_out = False

    def load(self, limit: int, now: float) -> Batch:
        """As `Dispatch`."""
        self._choose_lanes(now)
        self._now = now
        if self._part_out:
            return Batch()
        if self._parts:
            return self._load_part(limit) if self._parts_due <= now else Batch()
        batch = Batch(most_bytes=self.request_bytes)
        for lane in self._lines.ready(now):
            while lane.lines and self._draw_next(lane, batch, limit):
                pass
            if batch.room_records <= 0 or batch.room_bytes <= 0:
                break
            if lane.lines and lane.shard is not None:
                self._hold(lane, lane.shard)
        return batch

    def _load_part(self, limit: int) -> Batch:
        """The first of the parts; packed, so much of it as one record carries."""
        part, batch = self._parts.popleft(), Batch(part=True)
        self._part_out = True
        if self._packer is None:
            batch.add_plain(part, sum(map(counted_bytes, part)))
            return batch
        packed = next(self._packer.pack(part, None, min(limit, self.most_bytes)))
        batch.add_packed(packed, packed.counted_bytes)
        sent = {record.number for record in packed.records}
        if rest := [record for record in part if record.number not in sent]:
            self._parts.appendleft(rest)
        return batch

    def _sort_anew(self) -> None:
        self._lines.sort_anew(self._sorted_by.of_key if self._sorted_by else None)

    def _draw_next(self, lane: KeyLane, batch: Batch, limit: int) -> bool:
        """One more record of the stream, if the request and the shard have room for it."""
        shard = lane.shard
        if batch.room_records <= 0 or (shard is not None and min(self.rates.room(shard.id, self._now)) <= 0):
            return False
        if self._packer is None:
            records: Sequence[Record] = lane.first(0, one_key=True)
            size = counted_bytes(records[0])
            if size > batch.room_bytes and batch.records:
                return False
            batch.add_plain(records, size)
        else:
            most = min(limit, self.most_bytes)
            run = lane.first(int(most * self._packer.ratio), one_key=self._one_key or shard is None)
            packed = next(self._packer.pack(run, shard, most))
            records, size = packed.records, packed.counted_bytes
            if size > batch.room_bytes and batch.records:
                return False
            batch.add_packed(packed, size)
        self._lines.taken(lane, records)
        if shard is not None:
            self.rates.spend(shard.id, 1, size, self._now)
        return True
