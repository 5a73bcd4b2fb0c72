"""Queue of the waiting records of one partition key, and the queues of one shard: see `key_queues`."""

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

idle          no records wait or are in flight
ready         records wait and may be sent
muted         records are in flight, or stored by the caller of `withhold`; later records may wait for them
backing off   records wait, and may be sent after `not_before`

The states are strings, because access to a member of an Enum takes 0.07 µs.
"""


@dataclass(slots=True, eq=False)
class KeyQueue:
    """Waiting records in the order of the spool. `size` is the sum of their data and keys in bytes.

    `holds` is the number of `Hold` objects that mute the queue. `failed` is true if some of its records returned from a
    failed request. When such a queue becomes ready, it is the first of the ready queues.
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
        """Remove the first records within the limits. Return the records, and their size in bytes."""
        records = self.records
        taken: list[Record] = []
        room = max_bytes
        for record in islice(records, max_records):
            room -= counted_bytes(record)
            if room < 0:
                room += counted_bytes(record)
                break
            taken.append(record)
        # Usually all records are taken. Then one call removes them, which is faster.
        if len(taken) == len(records):
            records.clear()
        else:
            for _ in taken:
                records.popleft()
        self.size -= max_bytes - room
        return taken, max_bytes - room

    def put_back(self, records: Iterable[Record]) -> int:
        """Insert records in the order of their numbers, and return their size in bytes."""
        returned = sorted(records)  # by number, which is unique
        size = sum(map(counted_bytes, returned))
        # Only waiting records with lower numbers than the highest returned number must be sorted again.
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

    `ready` contains the key queues whose records may be sent, in the order of sending. `ready_records` and
    `ready_bytes` count the records in these queues, and the bytes of their data and keys. Each change updates them,
    because adding up many queues for each request would be slow. No records are sent to the shard before `not_before`.
    """

    shard: Shard | None = None
    not_before: float = NOW
    ready: deque[KeyQueue] = field(default_factory=deque)
    key_queues: dict[str | int, KeyQueue] = field(default_factory=dict)
    ready_records: int = 0
    ready_bytes: int = 0

    def count(self, records: int, size: int) -> None:
        """Add to the sums over `ready`: a number of records, and their size in bytes. Negative numbers subtract."""
        self.ready_records += records
        self.ready_bytes += size


@dataclass(slots=True, eq=False)
class Hold:
    """Unsettled records that were removed from their key queues, and the queues that are muted because of them."""

    records: Sequence[Record]
    key_queues: list[KeyQueue]
