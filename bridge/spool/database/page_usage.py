"""Usage of the database's pages: their size on disk, and returning them to the file system after an outage."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Pages freed per transaction: few, so that the burst in it is not delayed.
_VACUUM_PAGES = 256
# Free pages that stay in the file for later records.
_FREE_PAGES_KEPT = 1024
# Free pages per used page that start the vacuum. SQLite frees the end of the file by moving each used page there to the
# front. Early in the drain of a backlog it would move nearly every record, which is deleted soon after.
_FREE_PAGES_PER_USED = 3


class PageUsage:
    """Page counts and vacuuming of one database file. Used by the writing thread only."""

    def __init__(self, file: Path, database: sqlite3.Connection) -> None:
        self._file = file
        self._page_bytes: int = database.execute("pragma page_size").fetchone()[0]
        self.vacuuming = False
        """True while more free pages must be returned to the file system."""

    def used_bytes(self, database: sqlite3.Connection) -> int:
        """Return the bytes on disk: pages in use of the database, and the write-ahead log."""
        pages, free = self._page_counts(database)
        # The log may be larger than the database after a burst, so it counts as used space.
        wal = self._file.with_name(f"{self._file.name}-wal")
        return (pages - free) * self._page_bytes + (wal.stat().st_size if wal.exists() else 0)

    def _page_counts(self, database: sqlite3.Connection) -> tuple[int, int]:
        """Return the pages of the file, and how many of them are free."""
        (pages,), (free,) = (database.execute(f"pragma {name}").fetchone() for name in ("page_count", "freelist_count"))
        return pages, free

    def vacuum_step(self, database: sqlite3.Connection) -> bool:
        """Free some pages in the open transaction, if most of the file's pages are free.

        Return True when the last are freed.

        Called with each transaction, so that the file shrinks step by step after an outage.
        """
        pages, free = self._page_counts(database)
        # 4 MiB of free pages stay in reserve. Shrinking and growing the file with each burst would cost additional
        # writes.
        if free <= _FREE_PAGES_KEPT:
            ended, self.vacuuming = self.vacuuming, False
            return ended
        if not self.vacuuming and free < _FREE_PAGES_PER_USED * (pages - free):
            return False
        self.vacuuming = True
        for _ in range(_VACUUM_PAGES):  # sqlite3 steps a statement without columns once, which frees one page
            database.execute("pragma incremental_vacuum(1)")
        return False


def truncate_wal(database: sqlite3.Connection) -> None:
    """Run a checkpoint that truncates the log, so that freed pages leave the database file.

    A bridge with little traffic may not reach the automatic checkpoint for hours.
    """
    with suppress(sqlite3.Error):  # committed data is safe; the next commit reports a failing disk
        database.execute("pragma wal_checkpoint(truncate)").fetchall()
