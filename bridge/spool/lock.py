"""The lock of a folder: one process at a time owns it and writes its process id to the lock file."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from bridge.errors import NoPermission, SpoolInUse, SpoolWriteError

if TYPE_CHECKING:
    from pathlib import Path

LOCK_FILE = "spool.lock"
"""Name of the file that the owner locks. It contains the owner's process id."""
OWNER_ONLY = 0o700
"""Mode of a folder that only its user can enter."""


class FolderLock:
    """An exclusive lock of a folder, from creation to `close`.

    The folder is created for its user alone if it is missing.
    """

    def __init__(self, path: Path) -> None:
        """Create the folder if it is missing, and lock it.

        Raises SpoolInUse if another process has the lock, SpoolWriteError if the folder cannot be used.
        """
        try:
            make_private(path)
            self._file = os.open(path / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unusable(path, error) from error
        try:
            # The kernel releases the lock when the process ends, so a crash leaves no stale lock.
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            owner = owner_of(path)
            by = f"another bridge (process {owner})" if owner else "another bridge"
            raise SpoolInUse(
                f"spool {path}: already in use by {by}. Stop it first, or set another spool.path for a second bridge"
            ) from error
        try:
            os.ftruncate(self._file, 0)
            os.write(self._file, b"%d\n" % os.getpid())
        except OSError as error:
            os.close(self._file)
            raise unusable(path, error) from error

    def close(self) -> None:
        """Release the lock. A second call has no effect."""
        if self._file >= 0:
            file, self._file = self._file, -1
            os.close(file)


def refuse_if_in_use(path: Path) -> None:
    """Raise SpoolInUse if another process owns the folder. Nothing is created if there is no lock file."""
    if (path / LOCK_FILE).is_file():
        FolderLock(path).close()


def refuse_without_permission(path: Path) -> None:
    """Raise NoPermission if there is a spool in the folder that this user may not read."""
    try:
        files = [file for file in path.iterdir() if file.suffix == ".db"]
        denied = next((file for file in files if not os.access(file, os.R_OK)), None)
    except PermissionError:
        denied = path
    except OSError:
        return  # whoever uses the folder reports what else is wrong with it
    if denied is not None:
        raise NoPermission(f"no permission to read {denied} (spool.path); run the command as {_user_of(path)}")


def _user_of(path: Path) -> str:
    try:
        return f"the user {path.owner()}"
    except (OSError, KeyError):
        return "the bridge's user"


def owner_of(path: Path) -> int:
    """Return the process id of the current or last owner of the folder, or 0 if it is unknown."""
    try:
        return int((path / LOCK_FILE).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def make_private(path: Path) -> None:
    """Create a folder that only its user can enter. An existing folder keeps its mode. Raises OSError."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(exist_ok=True, mode=OWNER_ONLY)
        # A file survives a power failure only if the names of the folders that lead to it are on disk too.
        sync(path.parent)


def sync(folder: Path) -> None:
    """Write the directory entries of a folder to disk (fsync). Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unusable(path: Path, error: OSError) -> SpoolWriteError:
    """Return the SpoolWriteError for a folder that cannot be used."""
    return SpoolWriteError(f"spool.path: cannot use {path}: {error.strerror}")
