"""Output of the demo: one line per second, and the ledger at the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.durations import pluralize
from bridge.spool.ledger import ACCOUNTING_EQUATION
from bridge.terminal import Column, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.kinesis.local_stream_reader import ConsumedRecord
    from bridge.monitoring.snapshot import Snapshot

COUNTS = ("received", "delivered", "filtered", "dead_lettered", "spooled")


@dataclass(slots=True)
class ConsumedCounts:
    """Counts of the records that were read back from Kinesis."""

    total: int = 0
    last: dict[tuple[str, str], str] = field(default_factory=dict)
    """Last sequence number of each (stream, shard)."""

    def add(self, record: ConsumedRecord) -> None:
        """Count a record that was read back."""
        self.total += 1
        self.last[record.stream, record.shard] = record.sequence_number


def progress_line(snapshot: Snapshot, elapsed_secs: float, messages_per_sec: float) -> str:
    """Return the line that the demo prints each second.

    The line contains the number of messages received in this second, and the outcomes of all messages until now.
    """
    delivered, buffered = snapshot.total("delivered"), snapshot.total("spooled")
    rest = f"{delivered:,} delivered, {buffered:,} buffered; {pluralize(snapshot.dead_letter_count, 'dead letter')}"
    return f"{int(elapsed_secs):5} s  {messages_per_sec:5.0f} messages/s  {_records(snapshot)}: {rest}"


def summary(snapshot: Snapshot) -> str:
    """Return a text that explains why the numbers of messages and records differ, and why there are dead letters."""
    return (
        f"{_records(snapshot)}: telemetry goes to two streams, and each vibration sample becomes a record of its own\n"
        "the ledger counts a message once for each stream of its mapping, and once for each record; it counts as\n"
        "filtered the messages that a mapping excludes by `where`, such as telemetry of machines that are off\n"
        f"{pluralize(snapshot.dead_letter_count, 'dead letter')}, each stored with its raw message and a reason: the "
        "factory publishes malformed messages on purpose"
    )


def verdict_line(found: Mapping[str, bool]) -> str:
    """Return the last line of the demo. `found` is the result of `final_checks`."""
    failed = sum(not passed for passed in found.values())
    if failed:
        return f"ERROR  {failed} of {len(found)} checks failed"
    return "OK  no message was lost: each was delivered, filtered by its mapping, or stored as a dead letter"


def _records(snapshot: Snapshot) -> str:
    records = sum(snapshot.total(name) for name in ("delivered", "spooled", "dropped"))
    streams = len({row.stream for row in snapshot.ledger if row.stream})
    return (
        f"{pluralize(snapshot.received_messages, 'message')} became {pluralize(records, 'record')} "
        f"in {pluralize(streams, 'stream')}"
    )


def ledger_table(snapshot: Snapshot) -> str:
    """Return the final ledger with a row for each mapping and stream, and a row with the sums.

    The table always has all columns, even if it is wider than the terminal.
    """
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


def final_checks(snapshot: Snapshot, published: int, read_back: int, stopped: bool) -> dict[str, bool]:
    """Return the checks at the end of the demo: the text of each check, and whether it passes.

    The bridge delivers each record at least once. If a response of Kinesis is lost, the bridge sends the same records
    again, so Kinesis may contain them twice. Kinesis must not contain fewer records than the bridge has delivered.
    """
    delivered = snapshot.total("delivered")
    twice = sum(stream.duplicates_possible for stream in snapshot.streams)
    return {
        f"published {published:,} messages, received {snapshot.received_messages:,}": (
            snapshot.received_messages >= published
        ),
        f"delivered {delivered:,} records, read back {read_back:,} from Kinesis": (
            delivered <= read_back <= delivered + twice
        ),
        f"accounting: {ACCOUNTING_EQUATION}": snapshot.balanced,
        "everything stopped within its deadline": stopped,
    }
