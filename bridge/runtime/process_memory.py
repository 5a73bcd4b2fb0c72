"""Memory settings of this process: malloc arenas of the C library, and thresholds of Python's garbage collector.

glibc creates an arena per thread, so that threads do not wait for each other to allocate. Python's threads run one at a
time under the GIL, so they gain nothing. Each sender's arena retains the memory of its last large requests: 15 to 19 MB
of 146 MB while a backlog drains, at the same CPU time. https://man7.org/linux/man-pages/man3/mallopt.3.html

An arena retains free memory until malloc_trim returns it: 2 MB after the start, more after a backlog.
https://man7.org/linux/man-pages/man3/malloc_trim.3.html
"""

from __future__ import annotations

import gc
import time
from contextlib import suppress
from typing import Any, Final

# Number of objects created minus freed that starts a garbage collection.
# Python's default of 700 scans the live record window all the time, which costs 0.7 µs per message. Imported modules
# are not garbage either: with the default, a start takes one sixth longer.
_GC_THRESHOLD: Final = 50_000
# Number of the mallopt parameter M_ARENA_MAX.
_M_ARENA_MAX: Final = -8
# Time from the start to the first malloc_trim.
_FIRST_TRIM_SECS: Final = 5.0
# Interval between two calls of malloc_trim.
_TRIM_INTERVAL_SECS: Final = 60.0
# Errors with other C libraries (musl, macOS), which have no such arenas and no such functions.
_NO_GLIBC: Final = (AttributeError, OSError)


def raise_gc_threshold() -> None:
    """Raise the threshold of the garbage collector. Call before other modules are imported."""
    gc.set_threshold(_GC_THRESHOLD)


def freeze_gc() -> None:
    """Exclude all existing objects from garbage collection. Call after all long-lived objects have been created."""
    gc.freeze()


def _libc() -> Any:
    import ctypes  # noqa: PLC0415 - `--help` must not wait for it

    return ctypes.CDLL(None)


class MallocTuning:
    """One malloc arena for all threads. Create this object before the first thread starts."""

    def __init__(self) -> None:
        with suppress(*_NO_GLIBC):
            # glibc reads this parameter only once, when it needs a second arena. So it must be set before that.
            _libc().mallopt(_M_ARENA_MAX, 1)
        self._trim_at = time.monotonic() + _FIRST_TRIM_SECS

    def trim_when_due(self) -> None:
        """Return free memory to the system soon after the start, and then once a minute. malloc_trim takes 1 ms.

        The caller may call this often, because it returns at once between these times.
        """
        now = time.monotonic()
        if now >= self._trim_at:
            self._trim_at = now + _TRIM_INTERVAL_SECS
            with suppress(*_NO_GLIBC):
                _libc().malloc_trim(0)
