"""The changes of one transaction, and the SQL statements that write them.

New records are not part of a `Transaction` object: they are in their queues (`StreamQueue.pending`).
"""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from bridge.model import DeadLetter
from bridge.spool.database.batch_delete import delete_records
from bridge.spool.database.checksum_runs import add_run, remove_checksums, remove_runs
from bridge.spool.database.tables import (
    EXCEPTIONS,
    LEDGER,
    META,
    STREAMS,
    UNRELEASED,
    flat_record_rows,
    record_rows,
)
from bridge.spool.dead_letters import stored_bytes
from bridge.spool.queue.ranges import runs
from bridge.spool.queue.settlement import by_mapping

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from bridge.model import Record
    from bridge.spool.ledger import Ledger, LedgerLine
    from bridge.spool.queue.settlement import Settlement
    from bridge.spool.queue.stream_queue import StreamQueue

# Estimated size in bytes of a stored record without its data, with a key of usual length.
_ROW_BYTES = 64
# Number of rows per INSERT statement (see `_insert`). 64 rows of 5 values are 320 parameters. Every version of SQLite
# accepts 999 parameters (https://www.sqlite.org/limits.html).
_ROWS_AT_ONCE = 64
_ROWS = ", ".join(["(?, ?, ?, ?, ?)"] * _ROWS_AT_ONCE)


@dataclass(slots=True)
class Transaction:
    """The changes of one burst. The ingest thread fills the object, and the spool writes either all changes or none.

    After a failed commit, the caller retries the same transaction.
    """

    received_at: float | None = None
    """Monotonic time when the burst was received. None: the records were created just now, for example by salvage."""
    filtered: Counter[tuple[int, int]] = field(default_factory=Counter)
    dead_lettered: Counter[tuple[int, int]] = field(default_factory=Counter)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    removed: dict[int, DeadLetter] = field(default_factory=dict)
    """Dead letters to delete, by number. They were replayed, or a person has deleted them."""
    amended: list[tuple[str, str, int]] = field(default_factory=list)
    """Dead letters whose replay has failed, as (new code, new detail, number)."""
    breakdown: Counter[tuple[str, int, int]] = field(default_factory=Counter)
    """Counts to add to the ledger, by (column of BREAKDOWN_COLUMNS, mapping, stream)."""
    qos2_ids: dict[int, bool] = field(default_factory=dict)
    """Packet identifiers of QoS 2 messages: True if the burst contains the PUBLISH, False if it contains the PUBREL."""
    clear_qos2_ids: bool = False
    """True to delete all stored packet identifiers, because the broker has a new session and uses them again."""
    broker_filters: frozenset[str] | None = None
    """Topic filters to which the broker's session is subscribed. None means no change."""
    expire_before_ms: int | None = None
    """Time in milliseconds since 1970. Records received before this time are dropped. None means no limit."""
    meta: dict[str, str] = field(default_factory=dict)
    """Values to store in `meta`, by key."""
    manifested: dict[int, int] = field(default_factory=dict)
    """Number of the first record that is in no manifest, by queue.

    Exceptions and checksums of records with lower numbers are deleted.
    """
    restored_ledger: dict[tuple[int, int], LedgerLine] = field(default_factory=dict)
    """Ledger lines of a damaged spool to add to this ledger, by (mapping, stream)."""
    salvaged_records: Counter[tuple[int, int]] = field(default_factory=Counter)
    """Number of pending records that `restored_ledger` has counted as lost, by (mapping, stream)."""

    @property
    def empty(self) -> bool:
        """True if the object contains no changes. Queues may have pending records nevertheless."""
        return not (
            self.filtered
            or self.dead_lettered
            or self.dead_letters
            or self.removed
            or self.amended
            or self.qos2_ids
            or self.clear_qos2_ids
            or self.meta
            or self.expire_before_ms is not None
            or self.broker_filters is not None
        )


def pending_bytes(queues: Iterable[StreamQueue], transaction: Transaction) -> int:
    """Return the estimated number of bytes that a transaction adds to the database."""
    size = sum(map(stored_bytes, transaction.dead_letters))
    # Deletions are not subtracted, because SQLite reuses their pages only after the transaction.
    for queue in queues:
        size += queue.pending_bytes + _ROW_BYTES * len(queue.pending)
    return size


def write_pending(database: sqlite3.Connection, queues: Iterable[StreamQueue], changes: Ledger) -> None:
    """Insert the burst's records, and count them as received and spooled."""
    for queue in queues:
        _insert(database, queue)
        if queue.unnumbered:
            _write_exceptions(database, queue, runs(queue.unnumbered), "no envelope")
        if queue.covered and queue.pending:
            add_run(database, queue)
        if queue.pending:
            # Write the receive time in the same transaction as the records. Otherwise, the records would get the last
            # stored receive time after a crash, and could expire too early.
            queue.note_receive_time(queue.pending[0].number)
        if queue.receive_times.changed:
            META.write(database, [(f"marks {queue.number}", json.dumps(queue.receive_times.pairs))])
            queue.receive_times.changed = False
        for mapping, count in by_mapping(queue.pending):
            line = changes.of(mapping, queue.number)
            line.received += count
            line.spooled += count


def write_next(database: sqlite3.Connection, queues: Iterable[StreamQueue]) -> None:
    """Store the next record number of queues whose newest row is deleted.

    While the newest row exists, the next number is the number of this row + 1, and is not stored. At ten messages a
    second, this saves a third of the bytes written.
    """
    for queue in queues:
        newest = database.execute(f"select max(number) from queue_{queue.number}").fetchone()[0] or 0
        following = queue.pending[0].number if queue.pending else queue.next
        if newest + 1 < following:
            [(*_, stored)] = STREAMS.read(database, "where number = ?", (queue.number,))
            if stored < following:
                STREAMS.write(database, [(queue.number, queue.stream, following)])


def _write_exceptions(
    database: sqlite3.Connection, queue: StreamQueue, spans: Iterable[tuple[int, int]], reason: str
) -> None:
    """Store ranges of record numbers that consumers will not find by id. The next manifest lists these ranges.

    The records are not in the stream, or they have no envelope and therefore no id.
    """
    EXCEPTIONS.write(database, [(queue.number, first, last, reason) for first, last in spans])


def _insert(database: sqlite3.Connection, queue: StreamQueue) -> None:
    """Insert a queue's pending records, many rows per statement.

    At each step of a statement, sqlite3 releases Python's global lock (GIL), and then waits for it. With one statement
    per row, this wait would take longer than the insertion: 0.9 µs per message with four senders.
    """
    pending, into = queue.pending, f"insert into queue_{queue.number} values "
    in_full_groups = len(pending) - len(pending) % _ROWS_AT_ONCE
    for first in range(0, in_full_groups, _ROWS_AT_ONCE):
        rows = pending[first : first + _ROWS_AT_ONCE]
        database.execute(into + _ROWS, flat_record_rows(queue.number, rows))
    database.executemany(f"{into}(?, ?, ?, ?, ?)", record_rows(queue.number, pending[in_full_groups:]))


def write_settled(
    database: sqlite3.Connection,
    queue: StreamQueue,
    settlements: Sequence[Settlement],
    names: Mapping[int, str],
    changes: Ledger,
) -> list[DeadLetter]:
    """Delete settled records from the queue, and count them in `changes`. Return dead letters for the rejected records.

    The caller must write these dead letters in the same transaction.
    """
    rejected = [each for settlement in settlements for each in settlement.rejected]
    refused = [record.number for record, _, _ in rejected]
    delete_records(database, queue.number, chain(refused, *(settlement.delivered for settlement in settlements)))
    for mapping, count in chain.from_iterable(settlement.mappings for settlement in settlements):
        line = changes.of(mapping, queue.number)
        line.delivered += count
        line.spooled -= count
    for record, _, _ in rejected:
        line = changes.of(record.mapping, queue.number)
        line.dead_lettered += 1
        line.spooled -= 1
    if queue.covered:
        _write_exceptions(database, queue, runs(refused), "dead_lettered")
        remove_checksums(database, queue, ((record.number, record.data) for record, _, _ in rejected))
    return [
        _dead_letter(record, queue.stream, names.get(record.mapping, ""), code, detail)
        for record, code, detail in rejected
    ]


def write_dropped(
    database: sqlite3.Connection, queue: StreamQueue, first: int, last: int, changes: Ledger, column: str = ""
) -> int:
    """Delete the records from `first` to `last` (inclusive), and return their number.

    The records are counted as dropped in `changes`. If `column` is given, for example "expired", they are counted in
    this column too.
    """
    # Count the records by mapping before deleting them, because the ledger has a line per mapping and stream.
    rows = database.execute(
        f"select mapping, count(*) from queue_{queue.number} where number between ? and ? group by mapping",
        (first, last),
    ).fetchall()
    if queue.covered:
        # Read the numbers from the table, because some records in the range may be delivered. Delivered records are no
        # longer in the table.
        dropped = f"from queue_{queue.number} where number between ? and ? order by number"
        numbers = database.execute(f"select number {dropped}", (first, last))
        _write_exceptions(database, queue, runs([number for (number,) in numbers]), "dropped")
        remove_checksums(database, queue, database.execute(f"select number, data {dropped}", (first, last)))
    database.execute(f"delete from queue_{queue.number} where number between ? and ?", (first, last))
    for mapping, count in rows:
        line = changes.of(mapping, queue.number)
        line.dropped += count
        line.spooled -= count
        if column:
            setattr(line, column, getattr(line, column) + count)
    return sum(count for _, count in rows)


def write_rest(database: sqlite3.Connection, transaction: Transaction, ledger: Ledger, changes: Ledger) -> None:
    """Write all other changes of the transaction. The ledger is written last, because the other changes add to it."""
    for ids, counts in transaction.restored_ledger.items():
        changes.of(*ids).add(counts)
    # `restored_ledger` has counted these records as received and lost. `write_pending` has counted them as received
    # again. Subtract the first count.
    for ids, count in transaction.salvaged_records.items():
        line = changes.of(*ids)
        line.received -= count
        line.dropped -= count
        line.damaged -= count
    META.write(database, transaction.meta.items())
    database.executemany("delete from exceptions where queue = ? and last < ?", transaction.manifested.items())
    remove_runs(database, transaction.manifested)
    for kind, counter in (("filtered", transaction.filtered), ("dead_lettered", transaction.dead_lettered)):
        for ids, count in counter.items():
            line = changes.of(*ids)
            line.received += count
            setattr(line, kind, getattr(line, kind) + count)
    for (column, mapping, stream), count in transaction.breakdown.items():
        line = changes.of(mapping, stream)
        setattr(line, column, getattr(line, column) + count)
    if transaction.clear_qos2_ids:
        database.execute("delete from unreleased")
    if transaction.qos2_ids:
        _write_packets(database, transaction.qos2_ids)
    if transaction.broker_filters is not None:
        text = json.dumps(sorted(transaction.broker_filters))
        META.write(database, [("held_filters", text)])
    LEDGER.write(database, ledger.rows_with(changes))


def _write_packets(database: sqlite3.Connection, packets: Mapping[int, bool]) -> None:
    UNRELEASED.write(database, [(packet,) for packet, opened in packets.items() if opened])
    released = [(packet,) for packet, opened in packets.items() if not opened]
    database.executemany("delete from unreleased where packet = ?", released)


def _dead_letter(record: Record, stream: str, mapping: str, code: str, detail: str) -> DeadLetter:
    """Return the dead letter of a record that a sender rejected."""
    return DeadLetter(
        kind="record",
        mapping=mapping,
        streams=(stream,),
        item=None,
        code=code,
        detail=detail,
        topic="",
        payload=record.data,
        total_bytes=len(record.data),
        qos=0,
        retain=False,
        received_at_ms=time.time_ns() // 1_000_000,
        key=record.key,
    )
