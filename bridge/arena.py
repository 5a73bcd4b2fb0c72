"""How the C library keeps memory for this process.

glibc gives each thread an arena of its own, so that threads need not wait for each other to allocate. Python's threads
take turns anyway, and what each sender's arena keeps of its last large requests is memory for nothing: 15 to 19 MB of
146 while a backlog drains, at the same CPU time. https://man7.org/linux/man-pages/man3/mallopt.3.html
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

_M_ARENA_MAX = -8


def share_one_arena() -> None:
    """Before the first thread. Other C libraries (musl, macOS) have no such arenas, and no such call."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
