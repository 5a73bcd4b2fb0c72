"""Records that were handed out by the queue and wait to be sent: in lanes, each in the order of the queue.

    open     records whose shard is not known, or does not matter
    shards   one lane a shard, so that a shard that is busy or throttled holds back its own records only
    again    what failed together where the shard is not known: a lane of its own until it is due

Not thread-safe: the sender guards it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.kinesis.limits import counted_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bridge.kinesis.shard_map import Shard
    from bridge.model import Record

NOW = float("-inf")
_KEYS_REMEMBERED = 50_000


@dataclass(slots=True)
class Lane:
    """A queue in the order of the records' numbers. `due`: nothing of it may be sent before."""

    shard: Shard | None = None
    due: float = NOW
    records: deque[Record] = field(default_factory=deque)
    size: int = 0

    def put(self, records: Sequence[Record], size: int) -> None:
        """At the end; `size` is their counted bytes."""
        self.records.extend(records)
        self.size += size

    def put_back(self, records: Iterable[Record]) -> None:
        """Each in its place again: before all that is behind it in the queue."""
        back = sorted(records)  # by number, which no two share
        self.size += sum(map(counted_bytes, back))
        ahead = []
        while self.records and self.records[0].number < back[-1].number:
            ahead.append(self.records.popleft())
        if ahead:
            back = sorted(back + ahead)
        self.records.extendleft(reversed(back))

    def take(self, records: int, size: int) -> tuple[list[Record], int]:
        """The first ones, and their counted bytes: at most so many records, and so many bytes."""
        if len(self.records) <= records and self.size <= size:
            everything, everything_size = list(self.records), self.size
            self.records.clear()
            self.size = 0
            return everything, everything_size
        taken: list[Record] = []
        left = size
        while self.records and len(taken) < records:
            left -= counted_bytes(self.records[0])
            if left < 0:
                left += counted_bytes(self.records[0])
                break
            taken.append(self.records.popleft())
        self.size -= size - left
        return taken, size - left


class Lanes:
    """All lanes of a stream. `records` and `counted_bytes` count everything in them."""

    def __init__(self) -> None:
        self.open = Lane()
        self._shards: dict[str, Lane] = {}
        self._again: list[Lane] = []
        self._places: dict[str, tuple[Lane, int]] = {}
        self._turn = 0

    @property
    def records(self) -> int:
        """How many wait."""
        return sum([len(lane.records) for lane in self._all()])

    @property
    def counted_bytes(self) -> int:
        """Their data and keys."""
        return sum([lane.size for lane in self._all()])

    def sort(self, records: Iterable[Record], shard_of: Callable[[str], Shard]) -> None:
        """Fresh records, each to the end of its shard's lane."""
        places = self._places
        for record in records:
            _, _, key, data = record
            place = places.get(key) or self._place(key, shard_of)
            lane, key_bytes = place
            lane.records.append(record)
            lane.size += len(data) + key_bytes

    def _place(self, key: str, shard_of: Callable[[str], Shard]) -> tuple[Lane, int]:
        """A key's lane, and its bytes in UTF-8; remembered."""
        shard = shard_of(key)
        lane = self._shards.get(shard.id)
        if lane is None:
            lane = self._shards[shard.id] = Lane(shard)
        if len(self._places) >= _KEYS_REMEMBERED:
            self._places.clear()
        self._places[key] = place = (lane, len(key.encode()))
        return place

    def put_back(self, records: Iterable[Record], shard_of: Callable[[str], Shard]) -> None:
        """Records that were not taken, or failed: to their place in their shard's lane."""
        by_shard: dict[Shard, list[Record]] = {}
        for record in records:
            by_shard.setdefault(shard_of(record.key), []).append(record)
        for shard, some in by_shard.items():
            self._shards.setdefault(shard.id, Lane(shard)).put_back(some)

    def again(self, records: Sequence[Record], due: float) -> None:
        """Records that failed, or were not taken, where the shard is not known."""
        lane = Lane(due=due)
        lane.put_back(records)
        self._again.append(lane)

    def sort_anew(self, shard_of: Callable[[str], Shard] | None) -> None:
        """The shards have changed: everything to its lane as it is now, or to the open one."""
        lanes = [lane for lane in self._all() if lane.records]
        records = sorted(record for lane in lanes for record in lane.records)
        self.open.records.clear()
        self.open.size = 0
        self._shards, self._again, self._places = {}, [], {}
        if shard_of is None:
            self.open.put(records, sum(map(counted_bytes, records)))
        else:
            self.sort(records, shard_of)

    def ready(self, now: float) -> list[Lane]:
        """The lanes that may be sent from: what failed first, then the shards in turn, then the open one."""
        again = sorted((lane for lane in self._again if lane.due <= now), key=lambda lane: lane.records[0].number)
        shards = [lane for lane in self._shards.values() if lane.records and lane.due <= now]
        if shards:
            self._turn += 1
            first = self._turn % len(shards)
            shards = shards[first:] + shards[:first]
        rest = [self.open] if self.open.records and self.open.due <= now else []
        return again + shards + rest

    def tidy(self) -> None:
        """Forget the lanes of what failed once they are empty."""
        if self._again:
            self._again = [lane for lane in self._again if lane.records]

    def next_due(self) -> float | None:
        """When something may be sent; None if nothing waits."""
        return min((lane.due for lane in self._all() if lane.records), default=None)

    def by_shard(self) -> list[tuple[Shard, int, int]]:
        """Each shard's records and bytes."""
        lanes = self._shards.values()
        return [(lane.shard, len(lane.records), lane.size) for lane in lanes if lane.shard is not None]

    def oldest(self) -> list[int]:
        """The number of the oldest record in each lane: with live_first not the first, and few ask."""
        return [min(lane.records).number for lane in self._all() if lane.records]

    def _all(self) -> list[Lane]:
        return [self.open, *self._shards.values(), *self._again]
