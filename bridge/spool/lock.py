"""Who has a folder: one process at a time, known by its number."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from bridge.errors import SpoolInUse, SpoolWriteError

if TYPE_CHECKING:
    from pathlib import Path

LOCK_FILE = "spool.lock"
"""Locked by the process whose number stands in it."""
OWNER_ONLY = 0o700


class Lock:
    """Held from creation to `close`; the folder is made where it is not there, for its owner alone."""

    def __init__(self, path: Path) -> None:
        """Raises SpoolInUse, or SpoolWriteError."""
        try:
            make_private(path)
            self._file = os.open(path / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unusable(path, error) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            owner = owner_of(path)
            by = f"another bridge (process {owner})" if owner else "another bridge"
            raise SpoolInUse(f"{path} is in use by {by}; give each its own spool.path") from error
        try:
            os.ftruncate(self._file, 0)
            os.write(self._file, b"%d\n" % os.getpid())
        except OSError as error:
            os.close(self._file)
            raise unusable(path, error) from error

    def close(self) -> None:
        """Let another process have it."""
        if self._file >= 0:
            file, self._file = self._file, -1
            os.close(file)


def refuse_if_in_use(path: Path) -> None:
    """Raises SpoolInUse while another process has the folder; nothing is made or changed in it."""
    if (path / LOCK_FILE).is_file():
        Lock(path).close()


def owner_of(path: Path) -> int:
    """The process that has, or last had, the folder; 0 where it is not known."""
    try:
        return int((path / LOCK_FILE).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def make_private(path: Path) -> None:
    """A folder that its owner alone can enter; one that is there is left as it is. Raises OSError."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(exist_ok=True, mode=OWNER_ONLY)
        sync(path.parent)  # a file is as durable as the names of the folders that lead to it


def sync(folder: Path) -> None:
    """The names in it are on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unusable(path: Path, error: OSError) -> SpoolWriteError:
    """What to say of a folder that cannot be used."""
    return SpoolWriteError(f"spool.path: cannot use {path}: {error.strerror}")
