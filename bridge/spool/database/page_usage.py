"""The database's pages: how much room they take, and giving it back to the disk after an outage."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_VACUUM_PAGES = 256
_FREE_PAGES_KEPT = 1024


class PageUsage:
    """Of one database file. Belongs to the thread that writes."""

    def __init__(self, file: Path, database: sqlite3.Connection) -> None:
        self._file = file
        self._page_bytes: int = database.execute("pragma page_size").fetchone()[0]
        self.vacuuming = False
        """More is to be given back."""

    def used_bytes(self, database: sqlite3.Connection) -> int:
        """On disk: the database's pages in use, and the write-ahead log."""
        (pages,), (free,) = (database.execute(f"pragma {name}").fetchone() for name in ("page_count", "freelist_count"))
        wal = self._file.with_name(f"{self._file.name}-wal")
        return int(pages - free) * self._page_bytes + (wal.stat().st_size if wal.exists() else 0)

    def vacuum_step(self, database: sqlite3.Connection) -> bool:
        """After an outage the file shrinks again, a few pages with each transaction; True with the last of them."""
        free = database.execute("pragma freelist_count").fetchone()[0]
        if free <= _FREE_PAGES_KEPT:
            ended, self.vacuuming = self.vacuuming, False
            return ended
        self.vacuuming = True
        for _ in range(_VACUUM_PAGES):  # sqlite3 steps a statement without columns once, and a step frees a page
            database.execute("pragma incremental_vacuum(1)")
        return False


def truncate_wal(database: sqlite3.Connection) -> None:
    """Pages given back leave the file with a checkpoint, and a quiet bridge may not come to one for hours."""
    with suppress(sqlite3.Error):  # what was committed is safe; a disk that fails is met again by the next commit
        database.execute("pragma wal_checkpoint(truncate)").fetchall()
