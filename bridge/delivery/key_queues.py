"""Waiting records in a line for each partition key: the next of a line may go when none before it is under way.

A line stands in a lane, its shard's or the open one, while its first record may be sent. It leaves the lane when
records of it are sent, and comes back when all of them are settled or put back. Not thread-safe: the sender guards it.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING

from bridge.delivery.shard_queues import NOW
from bridge.kinesis.limits import counted_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bridge.kinesis.shard_map import Shard
    from bridge.model import Record

_key = attrgetter("key")


@dataclass(slots=True, eq=False)
class Line:
    """One key's records in order. `under_way`: how many were sent, or are kept elsewhere, and are not settled."""

    records: deque[Record] = field(default_factory=deque)
    under_way: int = 0
    ready: bool = False
    due: float = NOW


@dataclass(slots=True, eq=False)
class KeyLane:
    """Lines that may be sent from, the one that waited longest first. `due` as in `lanes.Lane`."""

    shard: Shard | None = None
    due: float = NOW
    lines: deque[Line] = field(default_factory=deque)

    def first(self, size: int, *, one_key: bool) -> list[Record]:
        """The records that may go next, line after line or of one line only: at least one, of about `size` bytes."""
        found: list[Record] = []
        for line in islice(self.lines, 1 if one_key else None):
            for record in line.records:
                size -= counted_bytes(record)
                if size < 0 and found:
                    return found
                found.append(record)
        return found


class KeyLines:
    """All lines. `records` and `counted_bytes` count what waits in them."""

    def __init__(self) -> None:
        self.records = 0
        self.counted_bytes = 0
        self._lines: dict[str, Line] = {}
        self._lanes: dict[str, KeyLane] = {}
        self._resting: list[Line] = []
        self._shard_of: Callable[[str], Shard] | None = None

    def add(self, records: Iterable[Record]) -> None:
        """Fresh records, each to the end of its key's line."""
        for record in records:
            line = self._lines.get(record.key)
            if line is None:
                line = self._lines[record.key] = Line()
            line.records.append(record)
            self._count(record, 1)
            if not line.ready:
                self._offer(line)

    def hold(self, records: Iterable[Record]) -> None:
        """Records that are kept elsewhere: nothing of their keys is sent meanwhile."""
        for record in records:
            line = self._lines.setdefault(record.key, Line())
            line.under_way += 1
            if line.ready:
                self._withdraw(line)

    def taken(self, lane: KeyLane, records: Sequence[Record]) -> None:
        """These, the first of `lane.first()`, are sent."""
        for _ in range(len(set(map(_key, records)))):
            lane.lines.popleft().ready = False
        for record in records:
            line = self._lines[record.key]
            line.records.popleft()
            line.under_way += 1
            self._count(record, -1)

    def settled(self, records: Iterable[Record]) -> None:
        """These are done with: what is behind them may go."""
        for key, count in Counter(map(_key, records)).items():
            line = self._lines[key]
            line.under_way -= count
            self._offer(line)
            if not line.records and not line.under_way:
                del self._lines[key]

    def put_back(self, records: Sequence[Record], due: float) -> None:
        """These were not delivered: to their places in their lines, not to be sent before `due`."""
        for key, count in Counter(map(_key, records)).items():
            line = self._lines[key]
            line.under_way -= count
            line.due = max(line.due, due)
        for record in sorted(records, reverse=True):
            line = self._lines[record.key]
            _insert(line.records, record)
            self._count(record, 1)
        for key in dict.fromkeys(map(_key, sorted(records))):
            self._offer(self._lines[key])

    def sort_anew(self, shard_of: Callable[[str], Shard] | None) -> None:
        """The shards have changed, or are not known."""
        self._shard_of = shard_of
        lines = sorted((line for line in self._lines.values() if line.ready), key=lambda line: line.records[0].number)
        self._lanes = {}
        for line in lines:
            self._lane(line).lines.append(line)

    def ready(self, now: float) -> list[KeyLane]:
        """The lanes that may be sent from, the one that waited longest first."""
        self._wake(now)
        lanes = [lane for lane in self._lanes.values() if lane.lines and lane.due <= now]
        return sorted(lanes, key=lambda lane: lane.lines[0].records[0].number)

    def next_due(self) -> float | None:
        """When something may be sent, if nothing is settled before; None if nothing may."""
        lanes = [lane.due for lane in self._lanes.values() if lane.lines]
        return min([*lanes, *(line.due for line in self._resting)], default=None)

    def by_shard(self) -> list[tuple[Shard, int, int]]:
        """Each shard's records, and about how many bytes; nothing where the shards are not known."""
        if self._shard_of is None:
            return []
        found: dict[Shard, tuple[int, int]] = {}
        for key, line in self._lines.items():
            shard, count = self._shard_of(key), len(line.records)
            records, size = found.get(shard, (0, 0))
            found[shard] = records + count, size + (count * counted_bytes(line.records[0]) if count else 0)
        return [(shard, *counts) for shard, counts in found.items()]

    def firsts(self) -> list[int]:
        """The number of each line's first record."""
        return [line.records[0].number for line in self._lines.values() if line.records]

    def _offer(self, line: Line) -> None:
        """Let the line be sent from, if it may be."""
        if line.ready or line.under_way or not line.records or line in self._resting:
            return
        if line.due > NOW:
            self._resting.append(line)
        else:
            line.ready = True
            self._lane(line).lines.append(line)

    def _wake(self, now: float) -> None:
        due = [line for line in self._resting if line.due <= now]
        if due:
            self._resting = [line for line in self._resting if line.due > now]
            for line in due:
                line.due = NOW
                self._offer(line)

    def _withdraw(self, line: Line) -> None:
        line.ready = False
        for lane in self._lanes.values():
            if line in lane.lines:
                lane.lines.remove(line)

    def _lane(self, line: Line) -> KeyLane:
        shard = self._shard_of(line.records[0].key) if self._shard_of else None
        name = shard.id if shard else ""
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = KeyLane(shard)
        return lane

    def _count(self, record: Record, records: int) -> None:
        self.records += records
        self.counted_bytes += records * counted_bytes(record)


def _insert(records: deque[Record], record: Record) -> None:
    """Put a record back before all that follow it."""
    place = 0
    while place < len(records) and records[place].number < record.number:
        place += 1
    records.insert(place, record)
