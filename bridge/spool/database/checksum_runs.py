"""Checksums of the records that manifests will cover, in the table `checksums`: one row per queue and transaction.

The ranges of a queue's rows follow one another without gaps. The transaction that stores records also adds the row with
their checksum. If a record will never reach the stream, its checksum is removed from the row. When a manifest covers a
row, the row is deleted. So no record has to be read again for its checksum, and a kill never leaves an inconsistent
state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bridge.spool.database.tables import CHECKSUMS
from bridge.spool.queue.record_checksum import checksum_of, id_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from bridge.spool.queue.stream_queue import StreamQueue


class ChecksumRun(NamedTuple):
    """Checksum of the enveloped records among the numbers `first` to `last`, both inclusive."""

    first: int
    last: int
    checksum: int


def add_run(database: sqlite3.Connection, queue: StreamQueue) -> None:
    """Add the row of a queue's pending records, of which there is at least one."""
    checksum = 0
    for record in queue.pending:
        # Exclusive or is its own inverse, so a record can later be removed from the sum without reading the others.
        checksum ^= _checksum_in_run(queue, record.number, record.data)
    first, last = queue.pending[0].number, queue.pending[-1].number
    CHECKSUMS.write(database, [(queue.number, first, last, checksum)])


def remove_checksums(database: sqlite3.Connection, queue: StreamQueue, records: Iterable[tuple[int, bytes]]) -> None:
    """Remove the checksums of records (number, data) from their rows, because the records do not reach the stream."""
    changes: dict[int, int] = {}
    run = ChecksumRun(0, -1, 0)
    for number, data in records:
        # The records are in order, so most belong to the same row as the record before.
        if not run.first <= number <= run.last:
            run = _run_of(database, queue, number)
        changes[run.first] = changes.get(run.first, 0) ^ _checksum_in_run(queue, number, data)
    for first, change in changes.items():
        found = CHECKSUMS.read(database, "where queue = ? and first = ?", (queue.number, first))
        CHECKSUMS.write(database, [(*place, checksum ^ change) for *place, checksum in list(found)])


def remove_runs(database: sqlite3.Connection, manifested: Mapping[int, int]) -> None:
    """Delete the rows that manifests cover: for each queue, the rows below a number."""
    database.executemany("delete from checksums where queue = ? and last < ?", manifested.items())


def read_runs(database: sqlite3.Connection, queue: StreamQueue, before: int) -> list[ChecksumRun]:
    """Return the rows that begin below `before`, in order."""
    rows = CHECKSUMS.read(database, "where queue = ? and first < ? order by first", (queue.number, before))
    return [ChecksumRun(*row) for _, *row in rows]


def _run_of(database: sqlite3.Connection, queue: StreamQueue, number: int) -> ChecksumRun:
    """Return the row that contains a number. If there is none, return a range of this number alone."""
    rows = CHECKSUMS.read(
        database, "where queue = ? and first <= ? order by first desc limit 1", (queue.number, number)
    )
    run = next((ChecksumRun(*row) for _, *row in rows), None)
    return run if run is not None and number <= run.last else ChecksumRun(number, number, 0)


def _checksum_in_run(queue: StreamQueue, number: int, data: bytes) -> int:
    """Return the checksum of a record, or 0 if its envelope does not contain its own id."""
    return checksum_of(data) if id_of(data) == (queue.spool_id.decode(), queue.number, number) else 0
