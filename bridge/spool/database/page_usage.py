"""Size of the database on disk, and shrinking of the file after an outage."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Pages that one transaction returns to the file system. The number is small, so that the transaction's burst is not
# delayed.
_VACUUM_PAGES = 256
# Number of free pages that stay in the file for later records (4 MiB). Without them, the file would shrink and grow
# with each burst, which would cost additional writes.
_FREE_PAGES_KEPT = 1024
# The vacuum starts when the file has this many free pages per used page. The vacuum moves used pages from the end of
# the file to its front. If it started earlier, it would move many records of a backlog that are soon deleted.
_FREE_PAGES_PER_USED = 3


class PageUsage:
    """Page counts and vacuum of one database file. Ingest thread only."""

    def __init__(self, file: Path, database: sqlite3.Connection) -> None:
        self._file = file
        self._page_bytes: int = database.execute("pragma page_size").fetchone()[0]
        self.vacuuming = False
        """True while a vacuum has started but not finished. Each of the next transactions then runs a step of it."""

    def used_bytes(self, database: sqlite3.Connection) -> int:
        """Return the bytes on disk: the database's used pages, and the write-ahead log."""
        pages, free = self._page_counts(database)
        # Include the log, because it may be larger than the database.
        wal = self._file.with_name(f"{self._file.name}-wal")
        return (pages - free) * self._page_bytes + (wal.stat().st_size if wal.exists() else 0)

    def _page_counts(self, database: sqlite3.Connection) -> tuple[int, int]:
        """Return the number of pages in the file, and the number of free pages among them."""
        (pages,), (free,) = (database.execute(f"pragma {name}").fetchone() for name in ("page_count", "freelist_count"))
        return pages, free

    def vacuum_step(self, database: sqlite3.Connection) -> bool:
        """If most pages of the file are free, return some of them to the file system in the open transaction.

        Each transaction calls this method, so that the file shrinks step by step after an outage. Return True after the
        last step.
        """
        pages, free = self._page_counts(database)
        if free <= _FREE_PAGES_KEPT:
            ended, self.vacuuming = self.vacuuming, False
            return ended
        if not self.vacuuming and free < _FREE_PAGES_PER_USED * (pages - free):
            return False
        self.vacuuming = True
        # A loop is necessary, because Python's sqlite3 executes only one step of this statement, which frees one page.
        for _ in range(_VACUUM_PAGES):
            database.execute("pragma incremental_vacuum(1)")
        return False


def truncate_wal(database: sqlite3.Connection) -> None:
    """Run a checkpoint that truncates the log. The database file becomes smaller only in a checkpoint.

    Without this call, the next automatic checkpoint of a bridge with little traffic may be hours later.
    """
    # An error can be ignored, because no committed data are lost. The next commit reports a failed disk.
    with suppress(sqlite3.Error):
        database.execute("pragma wal_checkpoint(truncate)").fetchall()
