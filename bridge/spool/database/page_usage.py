"""The database's size on disk, and the return of free pages to the file system after an outage."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Pages that one transaction returns to the file system. The number is small, so that the transaction's burst is not
# delayed.
_VACUUM_PAGES = 256
# Free pages that stay in the file for later records: 4 MiB. Shrinking and growing the file with each burst would cost
# additional writes.
_FREE_PAGES_KEPT = 1024
# The vacuum starts when the file has this many free pages per used page. To free the end of the file, SQLite moves the
# used pages there to the front. Early in the drain of a backlog, SQLite would therefore move nearly every record,
# although most are deleted soon after.
_FREE_PAGES_PER_USED = 3


class PageUsage:
    """Page counts and vacuuming of one database file. Used by the writing thread only."""

    def __init__(self, file: Path, database: sqlite3.Connection) -> None:
        self._file = file
        self._page_bytes: int = database.execute("pragma page_size").fetchone()[0]
        self.vacuuming = False
        """True while a vacuum has started but not finished. The next transactions then return more pages."""

    def used_bytes(self, database: sqlite3.Connection) -> int:
        """Return the bytes on disk: the database's used pages, and the write-ahead log."""
        pages, free = self._page_counts(database)
        # The log counts as used space, because after a burst it may be larger than the database.
        wal = self._file.with_name(f"{self._file.name}-wal")
        return (pages - free) * self._page_bytes + (wal.stat().st_size if wal.exists() else 0)

    def _page_counts(self, database: sqlite3.Connection) -> tuple[int, int]:
        """Return the number of pages in the file, and the number of free pages among them."""
        (pages,), (free,) = (database.execute(f"pragma {name}").fetchone() for name in ("page_count", "freelist_count"))
        return pages, free

    def vacuum_step(self, database: sqlite3.Connection) -> bool:
        """Return some free pages to the file system in the open transaction, if most of the file's pages are free.

        Called with each transaction, so that the file shrinks step by step after an outage. Return True after the last
        step.
        """
        pages, free = self._page_counts(database)
        if free <= _FREE_PAGES_KEPT:
            ended, self.vacuuming = self.vacuuming, False
            return ended
        if not self.vacuuming and free < _FREE_PAGES_PER_USED * (pages - free):
            return False
        self.vacuuming = True
        # Python's sqlite3 executes one step of this statement, which frees one page. Therefore the loop.
        for _ in range(_VACUUM_PAGES):
            database.execute("pragma incremental_vacuum(1)")
        return False


def truncate_wal(database: sqlite3.Connection) -> None:
    """Run a checkpoint that truncates the log. Only the checkpoint makes the database file smaller.

    Without this call, a bridge with little traffic may not reach the automatic checkpoint for hours.
    """
    # An error loses no committed data. If the disk fails, the next commit reports it.
    with suppress(sqlite3.Error):
        database.execute("pragma wal_checkpoint(truncate)").fetchall()
