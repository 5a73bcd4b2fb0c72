"""The spool's folder: one owner at a time, readable by nobody else, and nothing in it is ever deleted."""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING

from bridge.spool.lock import OWNER_ONLY, Lock, sync, unusable

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

UNFINISHED = "salvage.unfinished"
"""Beside a damaged spool until what can be read of it is in the new one."""


class SpoolDirectory:
    """Locked from creation to `close`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = path / "spool.db"
        self._damaged = path / "spool.damaged"
        self._lock = Lock(path)
        try:
            self._protect()
        except OSError as error:
            self._lock.close()
            raise unusable(path, error) from error

    def _protect(self) -> None:
        """Payloads are the plant's business: SQLite gives -wal and -shm the mode of the database file."""
        os.close(os.open(self.database, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))

    def mark_damaged(self, why: str) -> None:
        """Remember over a restart that the database must not be opened again."""
        try:
            self._damaged.write_text(why, encoding="utf-8")
        except OSError as error:
            log.error("the spool is damaged, and %s cannot be written to say so: %s", self._damaged, error)

    @property
    def damage(self) -> str:
        """What `mark_damaged` noted, or ""."""
        if not self._damaged.exists():
            return ""
        return self._damaged.read_text(encoding="utf-8", errors="replace") or "an earlier run found it damaged"

    def quarantine(self, why: str) -> Path:
        """Move the database away, with everything SQLite keeps beside it, and say so. Raises SpoolWriteError."""
        try:
            aside = self._move_away()
        except OSError as error:
            raise unusable(self.path, error) from error
        log.error("the spool was damaged and is set aside in %s; starting with a new one: %s", aside, why)
        return aside

    def _move_away(self) -> Path:
        aside = self.path / time.strftime("damaged-%Y%m%dT%H%M%SZ", time.gmtime())
        number = 0
        while aside.exists():
            number += 1
            aside = aside.with_name(f"{aside.name.split('.')[0]}.{number}")
        aside.mkdir(mode=OWNER_ONLY)
        (aside / UNFINISHED).touch(mode=0o600)
        for file in self.path.glob("spool.db*"):
            file.rename(aside / file.name)
        self._damaged.unlink(missing_ok=True)
        self._protect()
        sync(aside)
        sync(self.path)
        return aside

    def unsalvaged(self) -> list[Path]:
        """The damaged spools that were not looked through to their end."""
        return sorted(file.parent for file in self.path.glob(f"damaged-*/{UNFINISHED}"))

    def salvaged(self, aside: Path) -> None:
        """What could be read of it is in the new spool."""
        (aside / UNFINISHED).unlink(missing_ok=True)

    def set_aside_count(self) -> int:
        """How many damaged spools lie here; 0 of a folder that cannot be read, which the next commit meets."""
        try:
            return sum(1 for _ in self.path.glob("damaged-*"))
        except OSError:
            return 0

    def close(self) -> None:
        """Let another bridge have it."""
        self._lock.close()


def bytes_on_disk(path: Path) -> int:
    """The sizes of the database's files in a folder."""
    return sum(file.stat().st_size for file in path.glob("spool.db*"))
