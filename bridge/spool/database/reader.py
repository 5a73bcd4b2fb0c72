"""Reader of the spool for any thread. It has a separate connection, so it does not delay the writing thread."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING

from bridge.spool.database import database_file
from bridge.spool.database.checksum_runs import read_runs
from bridge.spool.database.tables import EXCEPTIONS, checked_records
from bridge.spool.dead_letters import StoredDeadLetter, read_dead_letters
from bridge.spool.queue.stream_queue import PAGE_BYTES, PAGE_RECORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from bridge.errors import SpoolCorrupt, SpoolWriteError
    from bridge.model import Record
    from bridge.spool.database.checksum_runs import ChecksumRun
    from bridge.spool.queue.stream_queue import StreamQueue

# Number of records that are read and checked together. The number is small, because records beyond PAGE_BYTES are
# discarded.
_PART_RECORDS = 20


class SpoolReader:
    """A read-only connection. Any thread may call the methods, because a lock protects the connection.

    `failed` returns the error that the reader raises for an sqlite3 error: SpoolCorrupt or SpoolWriteError.
    """

    def __init__(self, file: Path, failed: Callable[[sqlite3.Error], SpoolCorrupt | SpoolWriteError]) -> None:
        self._database = database_file.connect_reader(file)
        self._failed = failed
        # Two threads must not use cursors of one sqlite3 connection at the same time.
        self._turn = threading.Lock()

    def page(self, stream: int, first: int, before: int, *, newest: bool = False) -> list[Record]:
        """Return a page of one queue's records with first ≤ number < before, in order.

        A page ends after PAGE_RECORDS records, or after PAGE_BYTES of data. The page contains the oldest records of
        this range. If `newest` is true, it contains the newest records of this range. Raises SpoolCorrupt or
        SpoolWriteError.
        """
        query = (
            f"select number, mapping, key, data, hash from queue_{stream} "
            "where number >= ? and number < ? order by number"
        )
        if newest:
            query += " desc"
        page: list[Record] = []
        size = 0
        try:
            with self._turn:
                cursor = self._database.execute(query, (first, before))
                # Read the page in small parts, so that few records are read beyond PAGE_BYTES.
                while len(page) < PAGE_RECORDS and size < PAGE_BYTES:
                    rows = cursor.fetchmany(min(_PART_RECORDS, PAGE_RECORDS - len(page)))
                    if not rows:
                        break
                    part = checked_records(stream, rows)
                    page += part
                    size += sum([len(record.data) for record in part])
        except sqlite3.Error as error:
            raise self._failed(error) from error
        # Remove the records of the last part that are beyond PAGE_BYTES.
        while page and (size := size - len(page[-1].data)) >= PAGE_BYTES:
            page.pop()
        return page[::-1] if newest else page

    def dead_letter(self, number: int) -> StoredDeadLetter | None:
        """Return the dead letter with this number, or None. Raises SpoolCorrupt or SpoolWriteError."""
        try:
            with self._turn:
                return next(read_dead_letters(self._database, number=number), None)
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def newest_dead_letters(self, count: int) -> list[StoredDeadLetter]:
        """Return the newest `count` dead letters, newest first. Raises SpoolCorrupt or SpoolWriteError."""
        try:
            with self._turn:
                return list(read_dead_letters(self._database, newest=count))
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def waiting(self, queues: Iterable[StreamQueue]) -> dict[str, int]:
        """Count the rows of the queues' tables, and return the counts by stream. Raises sqlite3.Error."""
        with self._turn:
            return {
                queue.stream: self._database.execute(f"select count(*) from queue_{queue.number}").fetchone()[0]
                for queue in queues
            }

    def first_waiting(self, queue: StreamQueue) -> int:
        """Return the lowest number of a record on disk, or the queue's next number if no record is on disk.

        All records with lower numbers were delivered, dead-lettered or dropped.
        """
        with self._turn:
            first = self._database.execute(f"select min(number) from queue_{queue.number}").fetchone()[0]
        return queue.next if first is None else int(first)

    def exceptions(self, queue: StreamQueue, before: int) -> list[tuple[int, int, str]]:
        """Return the ranges (first, last, reason) of record numbers that no consumer will find in the stream.

        Only ranges that no manifest has listed are returned, and only those whose first number is below `before`.
        """
        # The query is fast, because the table contains only ranges since the last manifest, a few minutes ago.
        with self._turn:
            rows = EXCEPTIONS.read(
                self._database, "where queue = ? and first < ? order by first", (queue.number, before)
            )
            return [(first, last, reason) for _, first, last, reason in rows]

    def checksum_runs(self, queue: StreamQueue, before: int) -> list[ChecksumRun]:
        """Return the checksum runs for the next manifest whose first number is below `before`, in order."""
        with self._turn:
            return read_runs(self._database, queue, before)

    def close(self) -> None:
        """Close the connection."""
        with self._turn:
            self._database.close()
