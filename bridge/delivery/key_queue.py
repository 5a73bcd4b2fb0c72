"""A queue of waiting records by partition key, and the queues of one shard: see `key_queues`."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Literal, TypeAlias

from bridge.kinesis.limits import counted_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.kinesis.shard_map import Shard
    from bridge.model import Record

NOW = float("-inf")


State: TypeAlias = Literal["idle", "ready", "muted", "backing off"]
"""State of a key queue.

A string, because looking up a member of an Enum takes 0.07 µs, several times per request and queue.

idle          nothing waits, nothing is in flight
ready         records wait and may be sent
muted         records are in flight or withheld; others may wait behind them
backing off   records wait, and may be sent once `not_before` has passed
"""


@dataclass(slots=True, eq=False)
class KeyQueue:
    """Records in the order of their numbers. `size`: their counted bytes, data and UTF-8 key.

    `holds`: how many requests and withheld groups mute the queue. `failed`: some of its records returned from a failed
    request, so it is served before others.
    """

    name: str | int
    shard_queue: ShardQueue
    ordered: bool
    records: deque[Record] = field(default_factory=deque)
    size: int = 0
    state: State = "idle"
    holds: int = 0
    failed: bool = False
    not_before: float = NOW

    def take(self, max_records: int, max_bytes: int) -> tuple[list[Record], int]:
        """Remove the first records within the limits. Return the records and their counted bytes."""
        records = self.records
        taken: list[Record] = []
        room = max_bytes
        for record in islice(records, max_records):
            room -= counted_bytes(record)
            if room < 0:
                room += counted_bytes(record)
                break
            taken.append(record)
        # In the usual case, all records are taken at once, without a loop.
        if len(taken) == len(records):
            records.clear()
        else:
            for _ in taken:
                records.popleft()
        self.size -= max_bytes - room
        return taken, max_bytes - room

    def put_back(self, records: Iterable[Record]) -> int:
        """Insert records in the order of their numbers, and return their counted bytes."""
        returned = sorted(records)  # by number, which is unique
        size = sum(map(counted_bytes, returned))
        # Only the records before the highest returned number have to be sorted.
        ahead = []
        while self.records and self.records[0].number < returned[-1].number:
            ahead.append(self.records.popleft())
        if ahead:
            returned = sorted(returned + ahead)
        self.records.extendleft(reversed(returned))
        self.size += size
        return size


@dataclass(slots=True, eq=False)
class ShardQueue:
    """Key queues of one shard.

    `ready` contains the queues whose records may be sent; the one that has waited longest is first. The shard accepts
    nothing before `not_before`. `ready_records` and `ready_bytes` (data and keys) are sums over `ready`. They are kept
    up to date, because each request needs them several times and there may be many keys.
    """

    shard: Shard | None = None
    not_before: float = NOW
    ready: deque[KeyQueue] = field(default_factory=deque)
    key_queues: dict[str | int, KeyQueue] = field(default_factory=dict)
    ready_records: int = 0
    ready_bytes: int = 0

    def count(self, records: int, size: int) -> None:
        """Add to the sums of records and counted bytes in `ready`. Negative numbers subtract."""
        self.ready_records += records
        self.ready_bytes += size


@dataclass(slots=True, eq=False)
class Hold:
    """Unsettled records that left their key queues, and the queues that are muted because of them."""

    records: Sequence[Record]
    key_queues: list[KeyQueue]
