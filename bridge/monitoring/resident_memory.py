"""Resident memory of this process, as Linux reports it in /proc."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_STATM: Final = Path("/proc/self/statm")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


def resident_bytes() -> int:
    """Return the resident memory of this process in bytes, or 0 if the kernel does not report it.

    https://man7.org/linux/man-pages/man5/proc_pid_statm.5.html
    """
    try:
        # The second number in the file is the resident memory in pages.
        return int(_STATM.read_bytes().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError, ValueError):
        return 0
