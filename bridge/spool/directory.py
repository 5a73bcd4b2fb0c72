"""The folder of the spool.

One process at a time owns the folder. Only the user of this process can read the files. Files with records are never
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
"""Name of a marker file in the folder of a damaged spool.

The marker file is removed when every readable record has been copied to the new spool.
"""


class SpoolDirectory:
    """The folder of a spool. It is locked from the creation of this object until `close`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = path / "spool.db"
        self._damaged = path / "spool.damaged"
        # Lock the folder first, so that no other process uses the files while `_protect` changes their modes.
        self._lock = FolderLock(path)
        try:
            self._protect()
        except OSError as error:
            self._lock.close()
            raise unusable(path, error) from error

    def _protect(self) -> None:
        """Create the database file with mode 0600, and set this mode for existing files. Payloads are confidential.

        SQLite creates the -wal and -shm files with the mode of the database file. Raises OSError if a file is a
        symbolic link. Otherwise, another user could create a link, and the bridge would change the mode of its target.
        """
        # Do not warn about a mount point. The volume of a container is often writable for every user, but a container
        # has no other users.
        if self.path.stat().st_mode & stat.S_IWOTH and not self.path.is_mount():
            log.warning("every user of this machine can write to spool.path %s: run 'chmod o-w' on it", self.path)
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        # Create the file with its final mode, so that no other user can open it before the mode is set.
        os.close(os.open(self.database, flags | os.O_CREAT, 0o600))
        for file in self.path.glob("spool.db*"):
            descriptor = os.open(file, flags)
            try:
                os.fchmod(descriptor, 0o600)
            finally:
                os.close(descriptor)

    def reject_damaged_files(self) -> None:
        """Raise SpoolCorrupt for damage that SQLite does not detect. Call this method before SQLite opens the files.

        Raises SpoolWriteError if the files cannot be read.
        """
        database_file.reject_truncated_database(self.database, used=self._lock.used)
        database_file.reject_damaged_log(self.database, same_boot=self._lock.same_boot)
        # Parts of the log may exist only in the page cache. SQLite would not notice this, so rewrite the log first.
        database_file.resync_wal(self.database)

    def note_opened(self) -> None:
        """Store the identifier of the machine's present boot in the lock file, after the spool was opened."""
        self._lock.note_boot()

    def mark_damaged(self, why: str) -> None:
        """Write a marker file, so that the next start moves this database to quarantine. `why` is the reason.

        If the file cannot be written, log the error and do not raise it.
        """
        # Write a file and not a row, because a damaged database may refuse every write.
        try:
            self._damaged.write_text(why, encoding="utf-8")
        except OSError as error:
            log.error("the spool is damaged, and the marker file %s cannot be written: %s", self._damaged, error)

    @property
    def damage(self) -> str:
        """The reason that `mark_damaged` has written to the marker file, or "" if there is no marker file."""
        if not self._damaged.exists():
            return ""
        # The marker file is empty if the disk was full when it was written.
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
        # If two databases are moved in the same second, add a number to the second name.
        while aside.exists():
            number += 1
            aside = aside.with_name(f"{aside.name.split('.')[0]}.{number}")
        aside.mkdir(mode=OWNER_ONLY)
        # Create the marker before a file is moved, so that the next start salvages this folder even after a crash here.
        (aside / UNFINISHED).touch(mode=0o600)
        # Move the log with its database. If the log stayed, SQLite would apply it to the new database.
        for file in self.path.glob("spool.db*"):
            file.rename(aside / file.name)
        self._damaged.unlink(missing_ok=True)
        # Reset the boot in the lock file. Otherwise, the next start would reject the new, empty database as truncated.
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

        The error is not raised here, because the next commit reports it.
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
