"""Mark file that shows which message the ingest thread was mapping when the process was killed.

The file is mapped into memory, so a change costs no system call. Its contents survive the process, but not a power
failure. It is 32 bytes long:

    byte 0         1 while a burst is being mapped, otherwise 0
    bytes 1-16     fingerprint of the message that is being mapped, or zeros
"""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

MARK_FILE: Final = "ingest.mark"
FINGERPRINT_BYTES: Final = 16
_FILE_BYTES: Final = 32
_BUSY: Final = 1
NO_FINGERPRINT: Final = bytes(FINGERPRINT_BYTES)


class InProgressFile:
    """The mark of one spool folder. Used by the ingest thread only, after its creation."""

    def __init__(self, folder: Path) -> None:
        """Open the file and read the mark that the last process left in it. Raises OSError."""
        # O_NOFOLLOW: a symbolic link in this folder could make the bridge overwrite another file.
        descriptor = os.open(folder / MARK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.ftruncate(descriptor, _FILE_BYTES)
            self._memory = mmap.mmap(descriptor, _FILE_BYTES)
        finally:
            # The memory mapping keeps the file open.
            os.close(descriptor)
        self.ended_in_burst = self._memory[0] == _BUSY
        """True if the last process ended while it mapped a burst."""
        self.last_fingerprint = self._memory[1 : 1 + FINGERPRINT_BYTES] if self.ended_in_burst else NO_FINGERPRINT
        """Fingerprint of the message that it was mapping, or NO_FINGERPRINT if that is unknown."""
        self.end()

    def begin(self) -> None:
        """Note that a burst is being mapped."""
        # The state is one byte, so the next process can never see a partial write.
        self._memory[0] = _BUSY

    def begin_message(self, fingerprint: bytes) -> None:
        """Store the message that is being mapped; NO_FINGERPRINT if it is unknown."""
        self._memory[1 : 1 + FINGERPRINT_BYTES] = fingerprint

    def end(self) -> None:
        """Note that the burst is mapped."""
        self._memory[0] = 0
        self._memory[1 : 1 + FINGERPRINT_BYTES] = NO_FINGERPRINT

    def close(self) -> None:
        """Close the file."""
        self._memory.close()
