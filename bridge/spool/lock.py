"""The lock of a folder. The process that holds the lock owns the folder.

The first line of the lock file is the process id of the owner. The second line is the kernel's identifier of a boot of
the machine: the spool was last opened during this boot (`FolderLock.note_boot`).
"""

from __future__ import annotations

import fcntl
import os
import threading
from contextlib import suppress
from pathlib import Path

from bridge.errors import NoPermission, SpoolInUse, SpoolWriteError

LOCK_FILE = "spool.lock"
"""Name of the lock file."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# Number of bytes to read from the lock file. The file is shorter: a process id, and a boot id of 36 characters.
_LOCK_BYTES = 1000
_ATTEMPTS = 5
# The lock is retried for 80 ms in total. A command that tests the lock has it for less than 1 ms (`is_in_use`).
_PAUSE_SECS = 0.02
OWNER_ONLY = 0o700
"""Mode of a folder that only one user can enter."""


class FolderLock:
    """An exclusive lock of a folder. It lasts from the creation of this object until `close`.

    A missing folder is created with the mode OWNER_ONLY.
    """

    def __init__(self, path: Path) -> None:
        """Create the folder if it is missing, and lock it.

        Raises SpoolInUse if another process has the lock, SpoolWriteError if the folder cannot be used.
        """
        try:
            make_private(path)
            # Use O_NOFOLLOW, because the lock file is overwritten. It must not be a symbolic link to another file.
            self._file = os.open(path / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unusable(path, error) from error
        try:
            self._folder = _lock(path, self._file)
        except BlockingIOError as error:
            os.close(self._file)
            raise _in_use(path) from error
        except OSError as error:
            os.close(self._file)
            raise unusable(path, error) from error
        try:
            _, _, boot = os.pread(self._file, _LOCK_BYTES, 0).partition(b"\n")
            # Read the boot of the last run before `_write` overwrites the file. It determines how strictly the
            # write-ahead log is checked (`same_boot`).
            self._boot = boot.strip()
            self._write()
            # Set the mode also if the file existed. An older version of the program may have used another mode.
            os.fchmod(self._file, 0o600)
        except OSError as error:
            self.close()
            raise unusable(path, error) from error

    @property
    def used(self) -> bool:
        """True if a spool was opened in this folder before (see `note_boot`)."""
        return bool(self._boot)

    @property
    def same_boot(self) -> bool:
        """True if the machine has not been restarted since the spool was last opened."""
        return self.used and self._boot == boot_id()

    def note_boot(self, boot: bytes | None = None) -> None:
        """Store the identifier of the boot during which the spool was opened.

        None means the present boot. b"" means that no spool was opened in this folder.
        """
        self._boot = boot_id() if boot is None else boot
        # If the write fails, the next start checks the write-ahead log less strictly.
        with suppress(OSError):
            self._write()

    def _write(self) -> None:
        # Truncate the file first. Otherwise, the end of a longer old text would remain.
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, b"%d\n%s\n" % (os.getpid(), self._boot), 0)

    def close(self) -> None:
        """Release the lock. A second call has no effect."""
        if self._file >= 0:
            # Set the attribute before closing. Otherwise, a second call could close another file, to which the kernel
            # has given the same descriptor number.
            file, self._file = self._file, -1
            os.close(file)
            if self._folder >= 0:
                os.close(self._folder)


def is_in_use(path: Path) -> bool:
    """Return whether a process owns the folder. Return False if this user may not open it."""
    # Test the folder too, because a person may have deleted the lock file.
    return _is_locked(path / LOCK_FILE) or _is_locked(path)


def _is_locked(path: Path) -> bool:
    try:
        # Use O_NONBLOCK, because `open` waits for a writer if the file is a FIFO.
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        # Try a shared lock, which fails while the owner has its exclusive lock. Several commands can do this at the
        # same time without an error.
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # the file system has no locks, so no process can own the folder
    finally:
        os.close(file)
    return False


def _lock(path: Path, file: int) -> int:
    """Lock the lock file and the folder, and return the result of `_locked_folder`.

    Raises BlockingIOError if another process has a lock. The kernel releases the locks when the process ends, even
    after a crash.
    """
    for _ in range(_ATTEMPTS - 1):
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return _locked_folder(path)
        # The other process may only be testing whether the folder is in use. Then the lock is free again at once.
        _pause(_PAUSE_SECS)
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return _locked_folder(path)


def _pause(secs: float) -> None:
    threading.Event().wait(secs)


def _in_use(path: Path) -> SpoolInUse:
    # This may be the id of the previous owner: the owner locks the file first, and then writes its id.
    owner = owner_of(path)
    by = f"another bridge (process {owner})" if owner else "another bridge"
    return SpoolInUse(
        f"spool {path}: already in use by {by}. Stop it first, or set another spool.path for a second bridge"
    )


def _locked_folder(path: Path) -> int:
    """Lock the folder itself, and return its descriptor. Return -1 if the file system cannot lock folders (NFS).

    The folder is locked in addition to the lock file, because a person may delete the lock file. Raises BlockingIOError
    if another process has the lock.
    """
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(folder)
        raise
    except OSError:
        os.close(folder)
        # The file system cannot lock folders. The lock of the lock file is sufficient.
        return -1
    return folder


def refuse_if_in_use(path: Path) -> None:
    """Raise SpoolInUse if another process owns the folder."""
    # Do not create a FolderLock. Its exclusive lock could prevent a bridge that starts at the same time.
    if is_in_use(path):
        raise _in_use(path)


def refuse_without_permission(path: Path) -> None:
    """Raise NoPermission if the folder contains a spool that this user may not read."""
    try:
        files = [file for file in path.iterdir() if file.suffix == ".db"]
        denied = next((file for file in files if not os.access(file, os.R_OK)), None)
    except PermissionError:
        denied = path
    except OSError:
        return  # the caller gets the same error when it uses the folder, and reports it
    if denied is not None:
        raise NoPermission(f"no permission to read {denied} (spool.path); run the command as {_user_of(path)}")


def _user_of(path: Path) -> str:
    try:
        return f"the user {path.owner()}"
    except (OSError, KeyError):
        return "the bridge's user"


def owner_of(path: Path) -> int:
    """Return the process id of the present or the last owner of the folder, or 0 if the id is unknown."""
    try:
        return int((path / LOCK_FILE).read_text(encoding="ascii").split("\n")[0])
    except (OSError, ValueError):
        return 0


def boot_id() -> bytes:
    """Return the kernel's identifier of the present boot, or b"" if the kernel has none."""
    try:
        return _BOOT_ID.read_bytes().strip()
    except OSError:
        return b""


def make_private(path: Path) -> None:
    """Create a missing folder with the mode OWNER_ONLY. An existing folder keeps its mode. Raises OSError."""
    if not path.exists():
        missing = [path, *(each for each in path.parents if not each.exists())]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(exist_ok=True, mode=OWNER_ONLY)
        # Without these calls of fsync, a new folder could be missing after a power failure.
        for each in missing:
            sync(each.parent)


def sync(folder: Path) -> None:
    """Write the directory entries of a folder to disk (fsync). Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unusable(path: Path, error: OSError) -> SpoolWriteError:
    """Return the SpoolWriteError for the error of a folder that cannot be used."""
    return SpoolWriteError(f"spool.path: cannot use {path}: {error.strerror}")
