"""Copying of the intact pages of a write-ahead log into a copy of the damaged database.

SQLite would ignore all pages after the first damaged page of the log.
"""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

from bridge.spool.database.write_ahead_log import PAGE_BYTES, WriteAheadLog

if TYPE_CHECKING:
    from pathlib import Path

# Maximum number of pages of a database (16 TiB). A higher page number means that the frame is damaged.
_MAX_PAGES = 1 << 32


def apply_log(database: Path) -> int:
    """Write the intact pages of all committed transactions in the log into the database file.

    Return the number of damaged or missing pages of the log. Raises OSError.
    """
    with closing(WriteAheadLog(database)) as log:
        frames = [frame for frame in log.frames() if frame.intact and frame.page < _MAX_PAGES]
        # If the number of committed frames is known, later frames belong to a transaction that was not committed.
        known = [frame for frame in frames if not log.committed or frame.number <= log.committed]
        commits = [frame for frame in known if frame.commit_pages]
        # Each frame in `commits` ends a transaction. Frames after the last of them were not committed.
        last = commits[-1].number if commits else 0
        applied = [frame for frame in known if frame.number <= last]
        with database.open("r+b") as file:
            for frame in applied:
                file.seek((frame.page - 1) * PAGE_BYTES)
                file.write(log.page_of(frame.number))
            if commits:
                # The last commit contains the size of the database in pages. If the file is larger, truncate it.
                os.ftruncate(file.fileno(), min(commits[-1].commit_pages, _pages_of(file.fileno())) * PAGE_BYTES)
        return max(log.committed, last) - len(applied)


def _pages_of(descriptor: int) -> int:
    return -(-os.fstat(descriptor).st_size // PAGE_BYTES)
