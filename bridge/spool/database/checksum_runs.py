"""The table `checksums`: checksums of the records that the next manifest will list.

A manifest lists which records a stream contains (bridge/ingest/manifest_writer.py). Each row of the table contains the
checksum of a run: the records of one queue that one transaction has stored. So the writer of a manifest does not read
the records again. The runs of a queue follow one another without gaps.

The row is added in the transaction that stores the records. If a record will never reach the stream, its checksum is
removed from the row in the transaction that deletes the record. So records and checksums match even after the process
was killed. When a manifest has listed the records, the row is deleted.
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
    """Add the row of a queue's pending records. At least one record must be pending."""
    checksum = 0
    for record in queue.pending:
        # The checksum of a run is the XOR of its records' checksums. So a second XOR with a record's checksum removes
        # the record.
        checksum ^= _checksum_in_run(queue, record.number, record.data)
    first, last = queue.pending[0].number, queue.pending[-1].number
    CHECKSUMS.write(database, [(queue.number, first, last, checksum)])


def remove_checksums(database: sqlite3.Connection, queue: StreamQueue, records: Iterable[tuple[int, bytes]]) -> None:
    """Remove the checksums of records (number, data) from their rows, because the records will not reach the stream."""
    changes: dict[int, int] = {}
    run = ChecksumRun(0, -1, 0)
    for number, data in records:
        # The records are in order, so most records belong to the same row as the previous record.
        if not run.first <= number <= run.last:
            run = _run_of(database, queue, number)
        changes[run.first] = changes.get(run.first, 0) ^ _checksum_in_run(queue, number, data)
    for first, change in changes.items():
        found = CHECKSUMS.read(database, "where queue = ? and first = ?", (queue.number, first))
        CHECKSUMS.write(database, [(*key, checksum ^ change) for *key, checksum in list(found)])


def remove_runs(database: sqlite3.Connection, manifested: Mapping[int, int]) -> None:
    """Delete the rows of records that manifests have listed.

    `manifested` contains, by queue, the number of the first record that is not in a manifest.
    """
    database.executemany("delete from checksums where queue = ? and last < ?", manifested.items())


def read_runs(database: sqlite3.Connection, queue: StreamQueue, before: int) -> list[ChecksumRun]:
    """Return the rows whose first number is below `before`, in order."""
    rows = CHECKSUMS.read(database, "where queue = ? and first < ? order by first", (queue.number, before))
    return [ChecksumRun(*row) for _, *row in rows]


def _run_of(database: sqlite3.Connection, queue: StreamQueue, number: int) -> ChecksumRun:
    """Return the row that contains a number. If no row contains the number, return a run of this number alone."""
    rows = CHECKSUMS.read(
        database, "where queue = ? and first <= ? order by first desc limit 1", (queue.number, number)
    )
    run = next((ChecksumRun(*row) for _, *row in rows), None)
    return run if run is not None and number <= run.last else ChecksumRun(number, number, 0)


def _checksum_in_run(queue: StreamQueue, number: int, data: bytes) -> int:
    """Return the checksum of a record, or 0 if the record has no envelope with its own id.

    An XOR with 0 does not change the checksum of the run.
    """
    return checksum_of(data) if id_of(data) == (queue.spool_id.decode(), queue.number, number) else 0
