"""The folder of the spool.

One process at a time owns the folder. Only the user of this process can read the files. No file with records is ever
deleted: a damaged database is moved to a separate folder (quarantine).
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

The file exists until every readable record has been copied to the new spool.
"""


class SpoolDirectory:
    """The folder of a spool. It is locked from the creation of this object until `close`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = path / "spool.db"
        self._damaged = path / "spool.damaged"
        # Lock the folder before `_protect`: no other process may use the files while their modes change.
        self._lock = FolderLock(path)
        try:
            self._protect()
        except OSError as error:
            self._lock.close()
            raise unusable(path, error) from error

    def _protect(self) -> None:
        """Create the database file with mode 0600. Set this mode for existing files too. Payloads are confidential.

        SQLite creates the -wal and -shm files with the mode of the database file. A symbolic link raises OSError:
        another user who may write to the folder could have created the link, so that the bridge changes the mode of
        some other file.
        """
        # The mount point of a container's volume is often writable for every user. A container has no other users, so
        # there is no warning for a mount point.
        if self.path.stat().st_mode & stat.S_IWOTH and not self.path.is_mount():
            log.warning("every user of this machine can write to spool.path %s: run 'chmod o-w' on it", self.path)
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        # Create the file with its final mode. If `chmod` set the mode later, other users could open the file in
        # between.
        os.close(os.open(self.database, flags | os.O_CREAT, 0o600))
        for file in self.path.glob("spool.db*"):
            descriptor = os.open(file, flags)
            try:
                os.fchmod(descriptor, 0o600)
            finally:
                os.close(descriptor)

    def reject_damaged_files(self) -> None:
        """Raise SpoolCorrupt for damage that SQLite would not report. Call this method before SQLite opens the files.

        Raises SpoolWriteError if the files cannot be read.
        """
        database_file.reject_truncated_database(self.database, used=self._lock.used)
        database_file.reject_damaged_log(self.database, same_boot=self._lock.same_boot)
        # SQLite would trust the log in the page cache, so rewrite the log before SQLite opens the database.
        database_file.resync_wal(self.database)

    def note_opened(self) -> None:
        """Store in the lock file that the spool was opened in this boot of the machine."""
        self._lock.note_boot()

    def mark_damaged(self, why: str) -> None:
        """Write a marker file, so that the next start does not open this database again.

        If the file cannot be written, log the error and do not raise it.
        """
        # The marker is a file, and not a row of the database, because a damaged database may refuse every write.
        try:
            self._damaged.write_text(why, encoding="utf-8")
        except OSError as error:
            log.error("the spool is damaged, and the marker file %s cannot be written: %s", self._damaged, error)

    @property
    def damage(self) -> str:
        """The reason in the marker file of `mark_damaged`, or "" if there is no marker file."""
        if not self._damaged.exists():
            return ""
        # The marker file may be empty, because the disk may have been full when the reason was written.
        return self._damaged.read_text(encoding="utf-8", errors="replace") or "an earlier run found it damaged"

    def quarantine(self, why: str) -> Path:
        """Move the database with its -wal and -shm files to a new folder, log an error, and return that folder.

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
        # The name may exist already, if two databases are moved within one second.
        while aside.exists():
            number += 1
            aside = aside.with_name(f"{aside.name.split('.')[0]}.{number}")
        aside.mkdir(mode=OWNER_ONLY)
        # Create the marker before the first file is moved. After a crash in between, the next start then salvages this
        # folder.
        (aside / UNFINISHED).touch(mode=0o600)
        # Move the log with its database. If the log stayed, SQLite would apply it to the new database.
        for file in self.path.glob("spool.db*"):
            file.rename(aside / file.name)
        self._damaged.unlink(missing_ok=True)
        # Store that no spool was opened. Otherwise, the new empty file would be rejected as truncated.
        self._lock.note_boot(b"")
        self._protect()
        # Sync both folders, so that the renames survive a power failure.
        sync(aside)
        sync(self.path)
        return aside

    def unsalvaged(self) -> list[Path]:
        """Return the folders of damaged spools whose salvage has not finished, sorted."""
        return sorted(file.parent for file in self.path.glob(f"damaged-*/{UNFINISHED}"))

    # The folder itself is not deleted, because a person may need its files.
    def salvaged(self, aside: Path) -> None:
        """Remove the marker of a damaged spool after its readable records have been copied to the new spool."""
        (aside / UNFINISHED).unlink(missing_ok=True)

    def quarantine_count(self) -> int:
        """Return the number of damaged spools in this folder, or 0 if the folder cannot be read.

        This method raises no error for an unreadable folder, because the next commit reports it.
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
