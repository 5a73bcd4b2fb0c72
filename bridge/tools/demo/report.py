"""Output of the demo: a line a second, and the ledger at the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.terminal import Column, table

if TYPE_CHECKING:
    from bridge.kinesis.stream_reader import ConsumedRecord
    from bridge.monitoring.snapshot import Snapshot

COUNTS = ("received", "delivered", "filtered", "dead_lettered", "spooled")


@dataclass(slots=True)
class ConsumedCounts:
    """Counts of the records that were read back from Kinesis."""

    total: int = 0
    last: dict[tuple[str, str], str] = field(default_factory=dict)
    """Last sequence number by (stream, shard)."""

    def add(self, record: ConsumedRecord) -> None:
        """Count a record that was read back."""
        self.total += 1
        self.last[record.stream, record.shard] = record.sequence_number


def line(snapshot: Snapshot, published: int, elapsed_secs: float, messages_per_sec: float) -> str:
    """Return the line of one second: rate of received messages, and totals of the ledger."""
    sums = "  ".join(f"{name} {snapshot.total(name):,}" for name in COUNTS)
    return f"{int(elapsed_secs):5} s  {messages_per_sec:5.0f} messages/s  published {published:,}  {sums}"


def ledger_table(snapshot: Snapshot) -> str:
    """Return the final ledger: a row for each mapping and stream, and the sums. No number is omitted."""
    names = (*COUNTS, "dropped")
    rows = [f"{row.mapping or '(none)'} -> {row.stream or '(none)'}" for row in snapshot.ledger]
    columns = [
        Column(
            name.replace("_", " "),
            [f"{getattr(row, name):,}" for row in snapshot.ledger] + [f"{snapshot.total(name):,}"],
            weight=1,
        )
        for name in names
    ]
    return "\n".join(table("mapping -> stream", [*rows, "all"], columns, None))
