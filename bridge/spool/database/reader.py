"""What is read of the spool by whoever asks, on any thread, beside the one that writes."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING

from bridge.model import Record
from bridge.spool.database import schema
from bridge.spool.dead_letters import StoredDeadLetter, read_letters
from bridge.spool.queue.stream_queue import PAGE_BYTES, PAGE_RECORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from bridge.errors import SpoolCorrupt, SpoolWriteError
    from bridge.spool.queue.stream_queue import StreamQueue


class SpoolReader:
    """A connection of its own, used by one thread at a time. Errors are told to `failed`; what it gives is raised."""

    def __init__(self, file: Path, failed: Callable[[sqlite3.Error], SpoolCorrupt | SpoolWriteError]) -> None:
        self._database = schema.reader(file)
        self._failed = failed
        self._turn = threading.Lock()

    def page(self, stream: int, first: int, before: int, *, newest: bool = False) -> list[Record]:
        """Up to a page of one stream's records, first ≤ number < before, in order: the oldest ones, or the newest."""
        query = (
            f"select number, mapping, key, data from queue_{stream} where number >= ? and number < ? order by number"
        )
        if newest:
            query += " desc"
        page: list[Record] = []
        size = 0
        try:
            with self._turn:
                for row in self._database.execute(query, (first, before)):
                    page.append(Record._make(row))
                    size += len(page[-1].data)
                    if len(page) >= PAGE_RECORDS or size >= PAGE_BYTES:
                        break
        except sqlite3.Error as error:
            raise self._failed(error) from error
        return page[::-1] if newest else page

    def letter(self, number: int) -> StoredDeadLetter | None:
        """One dead letter."""
        try:
            with self._turn:
                return next(read_letters(self._database, number=number), None)
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def newest_letters(self, count: int) -> list[StoredDeadLetter]:
        """The newest dead letters, newest first."""
        try:
            with self._turn:
                return list(read_letters(self._database, newest=count))
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def waiting(self, queues: Iterable[StreamQueue]) -> dict[str, int]:
        """Records on disk per stream, counted afresh."""
        with self._turn:
            return {
                queue.stream: self._database.execute(f"select count(*) from queue_{queue.number}").fetchone()[0]
                for queue in queues
            }

    def first_waiting(self, queue: StreamQueue) -> int:
        """Every record of a lower number is delivered, dead-lettered or dropped."""
        with self._turn:
            first = self._database.execute(f"select min(number) from queue_{queue.number}").fetchone()[0]
        return queue.next if first is None else int(first)

    def exceptions(self, queue: StreamQueue, before: int) -> list[tuple[int, int, str]]:
        """(first, last, reason) of the numbers below `before` that no consumer will find, not told yet."""
        query = "select first, last, reason from exceptions where queue = ? and first < ? order by first"
        with self._turn:
            return self._database.execute(query, (queue.number, before)).fetchall()

    def close(self) -> None:
        """Let the file go."""
        with self._turn:
            self._database.close()
