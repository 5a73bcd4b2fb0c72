"""The folder of the spool.

It has one owner at a time, only its user can read it, and no file with records is deleted.
"""

from __future__ import annotations

import logging
import os
import stat
import time
from typing import TYPE_CHECKING

from bridge.spool.database import database_file
from bridge.spool.lock import OWNER_ONLY, FolderLock, sync, unusable

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

UNFINISHED = "salvage.unfinished"
"""Name of a marker file beside a damaged spool.

It exists until every readable record has been copied to the new spool.
"""


class SpoolDirectory:
    """The folder of a spool, locked from creation to `close`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = path / "spool.db"
        self._damaged = path / "spool.damaged"
        self._lock = FolderLock(path)
        try:
            self._protect()
        except OSError as error:
            # The lock comes first: no other process may have these files open while their modes change.
            self._lock.close()
            raise unusable(path, error) from error

    def _protect(self) -> None:
        """Create the database file with mode 0600, because payloads are confidential. Existing files get this mode too.

        SQLite creates the -wal and -shm files with the mode of the database file. A link is refused with OSError.
        Another user who may write to the folder could have created it to change a file of the bridge's user.
        """
        # Volumes of containers often have this mode. A container has no other users, so this is safe.
        if self.path.stat().st_mode & stat.S_IWOTH and not self.path.is_mount():
            log.warning("every user of this machine can write to spool.path %s: run 'chmod o-w' on it", self.path)
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        # The file is created with its mode. If `chmod` set the mode later, other users could open the file in between.
        os.close(os.open(self.database, flags | os.O_CREAT, 0o600))
        for file in self.path.glob("spool.db*"):
            descriptor = os.open(file, flags)
            try:
                os.fchmod(descriptor, 0o600)
            finally:
                os.close(descriptor)

    def reject_damaged_files(self) -> None:
        """Raise SpoolCorrupt for damage that SQLite would not report. Call it before SQLite opens the files.

        Raises SpoolWriteError if they cannot be read.
        """
        database_file.reject_truncated_database(self.database, used=self._lock.used)
        database_file.reject_damaged_log(self.database, same_boot=self._lock.same_boot)
        # This must come before SQLite opens the file, because SQLite would trust the pages of the log in the page
        # cache.
        database_file.resync_wal(self.database)

    def note_opened(self) -> None:
        """Note that the spool was opened in this boot of the machine."""
        self._lock.note_boot()

    def mark_damaged(self, why: str) -> None:
        """Write a marker file, so that the next start does not open this database again.

        An OSError is logged and not raised.
        """
        # The marker is a file and not a row, because a damaged database may refuse every write.
        try:
            self._damaged.write_text(why, encoding="utf-8")
        except OSError as error:
            log.error("the spool is damaged, and the marker file %s cannot be written: %s", self._damaged, error)

    @property
    def damage(self) -> str:
        """The reason that `mark_damaged` wrote, or "" if the database is not marked."""
        if not self._damaged.exists():
            return ""
        # An empty marker counts too: the disk may have been full when the reason was written.
        return self._damaged.read_text(encoding="utf-8", errors="replace") or "an earlier run found it damaged"

    def quarantine(self, why: str) -> Path:
        """Move the database and SQLite's files beside it to a new folder, log an error, and return that folder.

        Raises SpoolWriteError.
        """
        try:
            aside = self._move_away()
        except OSError as error:
            raise unusable(self.path, error) from error
        log.error("damaged spool moved to quarantine in %s; starting with a new one: %s", aside, why)
        return aside

    def _move_away(self) -> Path:
        """Move the database to a folder named for the current UTC time, and create an empty database file."""
        aside = self.path / time.strftime("damaged-%Y%m%dT%H%M%SZ", time.gmtime())
        number = 0
        # Two databases may be moved aside within one second.
        while aside.exists():
            number += 1
            aside = aside.with_name(f"{aside.name.split('.')[0]}.{number}")
        aside.mkdir(mode=OWNER_ONLY)
        # Create the marker before the first file moves: after a crash in between, the next start salvages this folder.
        (aside / UNFINISHED).touch(mode=0o600)
        # The log is moved with its database. SQLite would apply a log that stays behind to the next database.
        for file in self.path.glob("spool.db*"):
            file.rename(aside / file.name)
        self._damaged.unlink(missing_ok=True)
        self._lock.note_boot(b"")  # the new database is empty, and not because it was cut short
        self._protect()
        # Sync both folders, so that the renames survive a power failure.
        sync(aside)
        sync(self.path)
        return aside

    def unsalvaged(self) -> list[Path]:
        """Return the folders of damaged spools whose salvage has not finished, sorted."""
        return sorted(file.parent for file in self.path.glob(f"damaged-*/{UNFINISHED}"))

    # The folder itself stays, because a person may need it, and this program deletes no records.
    def salvaged(self, aside: Path) -> None:
        """Remove the marker of a damaged spool, because its readable records are now in the new spool."""
        (aside / UNFINISHED).unlink(missing_ok=True)

    def quarantine_count(self) -> int:
        """Return the number of damaged spools in this folder, or 0 if the folder cannot be read.

        An unreadable folder is not an error here, because the next commit reports it.
        """
        try:
            return sum(1 for _ in self.path.glob("damaged-*"))
        except OSError:
            return 0

    def close(self) -> None:
        """Release the lock, so that another bridge can use the folder."""
        self._lock.close()


def bytes_on_disk(path: Path) -> int:
    """Return the total size in bytes of the database's files in a folder."""
    return sum(file.stat().st_size for file in path.glob("spool.db*"))
