"""Memory of this process: arenas of the C library, and thresholds of Python's garbage collector.

glibc gives each thread an arena of its own, so that threads need not wait for each other to allocate. Python's threads
take turns anyway, and what each sender's arena keeps of its last large requests is memory for nothing: 15 to 19 MB of
146 while a backlog drains, at the same CPU time. https://man7.org/linux/man-pages/man3/mallopt.3.html

What is free within an arena stays there until it is asked to give it back: 2 MB after the start, more after a backlog.
https://man7.org/linux/man-pages/man3/malloc_trim.3.html
"""

from __future__ import annotations

import gc
import time
from contextlib import suppress
from typing import Any, Final

_GC_THRESHOLD: Final = 50_000
"""Objects created, less those freed, between two collections. A full window of records is no garbage, and to scan it at
Python's default of 700 takes 0.7 µs a message. What is imported stays too: the default adds a sixth to a start."""
_M_ARENA_MAX: Final = -8
_STARTED_SECS: Final = 5.0
_GIVE_BACK_SECS: Final = 60.0
_NO_GLIBC: Final = (AttributeError, OSError)
"""Other C libraries (musl, macOS) have no such arenas, and no such calls."""


def raise_gc_threshold() -> None:
    """Collect garbage rarely. Call before anything else is imported."""
    gc.set_threshold(_GC_THRESHOLD)


def freeze_gc() -> None:
    """Exclude all present objects from collection. Call once everything is made that stays."""
    gc.freeze()


def _libc() -> Any:
    import ctypes  # noqa: PLC0415 - `--help` must not wait for it

    return ctypes.CDLL(None)


class MallocTuning:
    """One for all threads. Made before the first of them."""

    def __init__(self) -> None:
        with suppress(*_NO_GLIBC):
            _libc().mallopt(_M_ARENA_MAX, 1)
        self._give_back_at = time.monotonic() + _STARTED_SECS

    def tend(self) -> None:
        """Give back what is free, soon after the start and then once a minute: a millisecond. Called all the time."""
        now = time.monotonic()
        if now >= self._give_back_at:
            self._give_back_at = now + _GIVE_BACK_SECS
            with suppress(*_NO_GLIBC):
                _libc().malloc_trim(0)
