"""One transaction's worth of changes beside the queues' pending records, and how they are written."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from bridge.model import DeadLetter
from bridge.spool.database.batch_delete import remove
from bridge.spool.dead_letters import LETTER_BYTES
from bridge.spool.ledger import UPSERT, Ledger, LedgerLine
from bridge.spool.queue.ranges import runs
from bridge.spool.queue.settlement import by_mapping

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from bridge.model import Record
    from bridge.spool.queue.settlement import Settlement
    from bridge.spool.queue.stream_queue import StreamQueue

_ROW_BYTES = 64
"""What a record takes beside its data, with a key of usual length."""
_ROWS_AT_ONCE = 64
_PACKETS = {
    True: "insert or ignore into unreleased values (?)",
    False: "delete from unreleased where packet = ?",
}
_ROWS = ", ".join(["(?, ?, ?, ?)"] * _ROWS_AT_ONCE)


@dataclass(slots=True)
class Transaction:
    """What a burst comes to. Filled by ingest, written whole or not at all, and kept until it is written."""

    received_at: float | None = None
    """When the burst was received, of the steady clock; None: what is written was made here, and just now."""
    filtered: Counter[tuple[int, int]] = field(default_factory=Counter)
    dead_lettered: Counter[tuple[int, int]] = field(default_factory=Counter)
    letters: list[DeadLetter] = field(default_factory=list)
    removed: dict[int, DeadLetter] = field(default_factory=dict)
    """Dead letters that leave, by number: replayed, and off the books with that, or deleted."""
    amended: list[tuple[str, str, int]] = field(default_factory=list)
    """(code, detail, number) of dead letters that failed again."""
    breakdown: Counter[tuple[str, int, int]] = field(default_factory=Counter)
    """By mark, mapping and stream: what became of dead letters."""
    qos2_ids: dict[int, bool] = field(default_factory=dict)
    """QoS 2 packet identifiers opened (True) or released (False) by this burst."""
    clear_qos2_ids: bool = False
    """The broker has no session: its packet identifiers mean nothing any more."""
    broker_filters: frozenset[str] | None = None
    expire_before_ms: int | None = None
    """Records received before then, in milliseconds since 1970, are dropped."""
    meta: dict[str, str] = field(default_factory=dict)
    """To be remembered by a key of their own."""
    manifested: dict[int, int] = field(default_factory=dict)
    """By queue: exceptions below this number were told in a manifest."""
    restored_ledger: dict[tuple[int, int], LedgerLine] = field(default_factory=dict)
    """Lines of the books of a spool that was damaged, by mapping and stream."""
    salvaged_records: Counter[tuple[int, int]] = field(default_factory=Counter)
    """Records among the pending that `restored_ledger` took for lost."""

    @property
    def empty(self) -> bool:
        """Nothing to write but pending records."""
        return not (
            self.filtered
            or self.dead_lettered
            or self.letters
            or self.removed
            or self.amended
            or self.qos2_ids
            or self.clear_qos2_ids
            or self.meta
            or self.expire_before_ms is not None
            or self.broker_filters is not None
        )


def pending_bytes(queues: Iterable[StreamQueue], transaction: Transaction) -> int:
    """What a transaction adds to the database, near enough."""
    size = sum(len(letter.payload) + LETTER_BYTES for letter in transaction.letters)
    for queue in queues:
        size += queue.pending_bytes + _ROW_BYTES * len(queue.pending)
    return size


def write_pending(database: sqlite3.Connection, queues: Iterable[StreamQueue], changes: Ledger) -> None:
    """The burst's records."""
    for queue in queues:
        _insert(database, queue)
        if queue.unnumbered:
            _except(database, queue, runs(queue.unnumbered), "no envelope")
        if queue.marks_changed:
            value = json.dumps(queue.marks)
            database.execute("insert or replace into meta values (?, ?)", (f"marks {queue.number}", value))
            queue.marks_changed = False
        for mapping, count in by_mapping(queue.pending):
            line = changes.of(mapping, queue.number)
            line.received += count
            line.spooled += count


def write_next(database: sqlite3.Connection, queues: Iterable[StreamQueue]) -> None:
    """The number that the next record gets, of queues whose newest record may be gone: while it is there, it tells.

    So no page is written for this while records come: at ten messages a second a third less goes to the disk.
    """
    for queue in queues:
        newest = database.execute(f"select max(number) from queue_{queue.number}").fetchone()[0] or 0
        following = queue.pending[0].number if queue.pending else queue.next
        if newest + 1 < following:
            keep = "update streams set next = ? where number = ? and next < ?"
            database.execute(keep, (following, queue.number, following))


def _except(database: sqlite3.Connection, queue: StreamQueue, spans: Iterable[tuple[int, int]], reason: str) -> None:
    """Numbers that no consumer will find in the stream, or not by their ids: for the next manifest."""
    rows = [(queue.number, first, last, reason) for first, last in spans]
    database.executemany("insert into exceptions values (?, ?, ?, ?)", rows)


def _insert(database: sqlite3.Connection, queue: StreamQueue) -> None:
    """Many rows a statement: sqlite3 lets other threads run at each step, and taking turns with the senders at every
    row costs more than the row itself (0.9 µs a message with four senders)."""
    pending, into = queue.pending, f"insert into queue_{queue.number} values "
    whole = len(pending) - len(pending) % _ROWS_AT_ONCE
    for first in range(0, whole, _ROWS_AT_ONCE):
        rows = pending[first : first + _ROWS_AT_ONCE]
        database.execute(into + _ROWS, list(chain.from_iterable(rows)))
    database.executemany(f"{into}(?, ?, ?, ?)", pending[whole:])


def write_settled(
    database: sqlite3.Connection,
    queue: StreamQueue,
    settlements: Sequence[Settlement],
    names: Mapping[int, str],
    changes: Ledger,
) -> list[DeadLetter]:
    """Remove what senders are done with; those that go to the dead letters come back, to be written there."""
    rejected = [each for settlement in settlements for each in settlement.rejected]
    refused = [record.number for record, _, _ in rejected]
    remove(database, queue.number, chain(refused, *(settlement.delivered for settlement in settlements)))
    for mapping, count in chain.from_iterable(settlement.mappings for settlement in settlements):
        line = changes.of(mapping, queue.number)
        line.delivered += count
        line.spooled -= count
    for record, _, _ in rejected:
        line = changes.of(record.mapping, queue.number)
        line.dead_lettered += 1
        line.spooled -= 1
    if queue.covered:
        _except(database, queue, runs(refused), "dead_lettered")
    return [
        _letter(record, queue.stream, names.get(record.mapping, ""), code, detail) for record, code, detail in rejected
    ]


def write_dropped(
    database: sqlite3.Connection, queue: StreamQueue, first: int, last: int, changes: Ledger, mark: str = ""
) -> int:
    """Delete records first to last, and count them as dropped per mapping, by that mark too; how many there were."""
    rows = database.execute(
        f"select mapping, count(*) from queue_{queue.number} where number between ? and ? group by mapping",
        (first, last),
    ).fetchall()
    if queue.covered:  # what was delivered meanwhile is between them, and no exception
        numbers = database.execute(
            f"select number from queue_{queue.number} where number between ? and ?", (first, last)
        )
        _except(database, queue, runs([number for (number,) in numbers]), "dropped")
    database.execute(f"delete from queue_{queue.number} where number between ? and ?", (first, last))
    for mapping, count in rows:
        line = changes.of(mapping, queue.number)
        line.dropped += count
        line.spooled -= count
        if mark:
            setattr(line, mark, getattr(line, mark) + count)
    return sum(count for _, count in rows)


def write_rest(database: sqlite3.Connection, transaction: Transaction, changes: Ledger) -> None:
    """Packet identifiers, filters, and at last the ledger."""
    for place, counts in transaction.restored_ledger.items():
        changes.of(*place).add(counts)
    for place, count in transaction.salvaged_records.items():
        line = changes.of(*place)
        line.received -= count
        line.dropped -= count
        line.damaged -= count
    database.executemany("insert or replace into meta values (?, ?)", transaction.meta.items())
    database.executemany("delete from exceptions where queue = ? and last < ?", transaction.manifested.items())
    for kind, counter in (("filtered", transaction.filtered), ("dead_lettered", transaction.dead_lettered)):
        for place, count in counter.items():
            line = changes.of(*place)
            line.received += count
            setattr(line, kind, getattr(line, kind) + count)
    for (mark, mapping, stream), count in transaction.breakdown.items():
        line = changes.of(mapping, stream)
        setattr(line, mark, getattr(line, mark) + count)
    if transaction.clear_qos2_ids:
        database.execute("delete from unreleased")
    if transaction.qos2_ids:
        _write_packets(database, transaction.qos2_ids)
    if transaction.broker_filters is not None:
        text = json.dumps(sorted(transaction.broker_filters))
        database.execute("insert or replace into meta values ('held_filters', ?)", (text,))
    if changes:
        database.executemany(UPSERT, [(*place, *counts.values()) for place, counts in changes.items()])


def _write_packets(database: sqlite3.Connection, packets: Mapping[int, bool]) -> None:
    for opened, verb in _PACKETS.items():
        database.executemany(verb, [(packet,) for packet, state in packets.items() if state is opened])


def _letter(record: Record, stream: str, mapping: str, code: str, detail: str) -> DeadLetter:
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
