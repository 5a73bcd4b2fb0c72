"""Looking into a spool from another process, also while the bridge that owns it runs: nothing in it is changed.

SQLite's write-ahead log lets readers see the last commit whole while there is a writer: https://www.sqlite.org/wal.html
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

from bridge.errors import BridgeError
from bridge.spool.letters import count_letters, read_letters

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.model import DeadLetter


def read_letter(folder: Path, number: int) -> DeadLetter:
    """One dead letter of the spool in `folder`; raises BridgeError if there is no such spool, or no such letter."""
    file = folder / "spool.db"
    if not file.is_file():
        raise BridgeError(f"there is no spool in {folder} (spool.path): the bridge has not run here")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=5.0)) as database:
            found = next(read_letters(database, number=number), None)
            if found is None:
                raise BridgeError(f"there is no dead letter {number} in {file}; it holds {count_letters(database)}")
            return found.letter
    except sqlite3.Error as error:
        raise BridgeError(f"{file} cannot be read: {error}") from error
