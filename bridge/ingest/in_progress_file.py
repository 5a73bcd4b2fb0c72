"""File that shows which message the ingest thread was mapping when the process ended.

The file is mapped into memory (mmap), so a change needs no system call. The contents survive the end of the process,
but not a power failure. The file has 32 bytes, of which 17 are used:

    byte 0         1 while a burst is being mapped, otherwise 0
    bytes 1-16     fingerprint of the message that is being mapped, or zeros
"""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

IN_PROGRESS_FILE: Final = "ingest.mark"
FINGERPRINT_BYTES: Final = 16
_FILE_BYTES: Final = 32
_BUSY: Final = 1
NO_FINGERPRINT: Final = bytes(FINGERPRINT_BYTES)


class InProgressFile:
    """The file in one spool's folder. Any thread may create the object. Only the ingest thread may use it."""

    def __init__(self, folder: Path) -> None:
        """Open the file and read what the last process stored in it. Raises OSError."""
        # Use O_NOFOLLOW, so that a symbolic link in this folder cannot cause the bridge to overwrite another file.
        descriptor = os.open(folder / IN_PROGRESS_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            stored = os.pread(descriptor, _FILE_BYTES, 0)
            os.ftruncate(descriptor, _FILE_BYTES)
            # Write all bytes once, so that the file system allocates them. If the disk is full, this raises OSError.
            # Without it, the first change of the mapped memory would end the process with SIGBUS.
            os.pwrite(descriptor, stored.ljust(_FILE_BYTES, b"\0"), 0)
            self._memory = mmap.mmap(descriptor, _FILE_BYTES)
        finally:
            # The descriptor is not needed any more, because the memory mapping keeps the file open.
            os.close(descriptor)
        self.ended_in_burst = self._memory[0] == _BUSY
        """True if the last process ended while it was mapping a burst."""
        self.last_fingerprint = self._memory[1 : 1 + FINGERPRINT_BYTES] if self.ended_in_burst else NO_FINGERPRINT
        """Fingerprint of the message that the last process was mapping, or NO_FINGERPRINT if it is unknown."""
        self.end()

    def begin(self) -> None:
        """Store that a burst is being mapped."""
        self._memory[0] = _BUSY

    def begin_message(self, fingerprint: bytes) -> None:
        """Store the fingerprint of the message that is being mapped."""
        self._memory[1 : 1 + FINGERPRINT_BYTES] = fingerprint

    def end(self) -> None:
        """Store that no burst is being mapped."""
        self._memory[0] = 0
        self._memory[1 : 1 + FINGERPRINT_BYTES] = NO_FINGERPRINT

    def close(self) -> None:
        """Close the file."""
        self._memory.close()
