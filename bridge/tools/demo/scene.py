"""State of the demo at one time, and the rates since the previous state."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.kinesis.stream_reader import Arrived
    from bridge.monitoring.snapshot import Snapshot

RECENT = 4
"""Number of records that are stored for each shard."""


@dataclass(slots=True)
class ConsumedCounts:
    """Counts of the records that were read back from Kinesis."""

    counts: Counter[str] = field(default_factory=Counter)
    last: dict[tuple[str, str], str] = field(default_factory=dict)
    """Last sequence number by (stream, shard)."""
    _recent: dict[tuple[str, str], deque[Arrived]] = field(default_factory=dict)

    def saw(self, record: Arrived) -> None:
        """Count a record that was read back."""
        self.counts[record.stream] += 1
        self.last[record.stream, record.shard] = record.sequence_number
        # Shards are read one after the other, so one list would contain only records of the last shard.
        self._recent.setdefault((record.shard, record.stream), deque(maxlen=RECENT)).appendleft(record)

    @property
    def total(self) -> int:
        """Number of records of all streams."""
        return sum(self.counts.values())

    def newest(self, limit: int) -> list[Arrived]:
        """Return at most `limit` records, by stream and shard: the newest of each shard before any second one."""
        rounds = zip_longest(*(self._recent[place] for place in sorted(self._recent)))
        taken = [record for newest in rounds for record in newest if record is not None][:limit]
        return sorted(taken, key=lambda record: (record.stream, record.shard))


@dataclass(frozen=True, slots=True)
class Scene:
    """State of the demo at one time. `elapsed_secs` counts from the factory's start."""

    snapshot: Snapshot
    published: int
    elapsed_secs: float
    broker: str
    read_back: ConsumedCounts


@dataclass(frozen=True, slots=True)
class SceneRates:
    """Rates per second: messages received, records received by (mapping, stream), records delivered by stream."""

    messages: float = 0.0
    records: dict[tuple[str, str], float] = field(default_factory=dict)
    delivered: dict[str, float] = field(default_factory=dict)


def rates_between(before: Scene | None, now: Scene) -> SceneRates:
    """Return the rates between two states; all 0 without a previous one."""
    if before is None or now.elapsed_secs <= before.elapsed_secs:
        return SceneRates()
    secs = now.elapsed_secs - before.elapsed_secs
    rows = {(row.mapping, row.stream): row.received for row in before.snapshot.ledger}
    streams = {status.stream: status.delivered for status in before.snapshot.streams}
    return SceneRates(
        messages=(now.snapshot.received_messages - before.snapshot.received_messages) / secs,
        records={
            (row.mapping, row.stream): (row.received - rows.get((row.mapping, row.stream), 0)) / secs
            for row in now.snapshot.ledger
        },
        delivered={
            status.stream: (status.delivered - streams.get(status.stream, 0)) / secs for status in now.snapshot.streams
        },
    )
