"""Memory settings of this process: malloc arenas of the C library, and the threshold of Python's garbage collector.

glibc creates a memory arena per thread, so that threads do not wait for each other when they allocate memory. This is
no advantage here, because only one Python thread at a time runs under the GIL. The arenas cost memory, because each
sender's arena retains the memory of its last large requests. While a backlog drained, one arena for all threads saved
15 to 19 of 146 MB, with the same CPU time. https://man7.org/linux/man-pages/man3/mallopt.3.html

An arena retains freed memory until malloc_trim returns this memory to the system. malloc_trim returns 2 MB after the
start, and more after a backlog. https://man7.org/linux/man-pages/man3/malloc_trim.3.html
"""

from __future__ import annotations

import gc
import time
from contextlib import suppress
from typing import Any, Final

# A garbage collection starts when the number of created objects minus the number of freed objects exceeds this
# threshold. With Python's default of 700, collections would constantly scan the buffered records, which are no garbage.
# This would cost 0.7 µs per message. The start, which creates many modules, would take one sixth longer.
_GC_THRESHOLD: Final = 50_000
# Number of the mallopt parameter M_ARENA_MAX.
_M_ARENA_MAX: Final = -8
# Time from the start to the first call of malloc_trim.
_FIRST_TRIM_SECS: Final = 5.0
# Interval between two calls of malloc_trim.
_TRIM_INTERVAL_SECS: Final = 60.0
# Errors with other C libraries (musl, macOS), which do not have these functions.
_NO_GLIBC: Final = (AttributeError, OSError)


def raise_gc_threshold() -> None:
    """Raise the threshold of the garbage collector. Call this function before other modules are imported."""
    gc.set_threshold(_GC_THRESHOLD)


def freeze_gc() -> None:
    """Exclude all existing objects from garbage collection. Call this function when all long-lived objects exist."""
    gc.freeze()


def _libc() -> Any:
    import ctypes  # noqa: PLC0415 - this import is slow, and `--help` does not need it

    return ctypes.CDLL(None)


class MallocTuning:
    """Setting of one malloc arena for all threads. Create this object before the first thread starts."""

    def __init__(self) -> None:
        with suppress(*_NO_GLIBC):
            # glibc reads this parameter once, when a second thread allocates memory. So set it before.
            _libc().mallopt(_M_ARENA_MAX, 1)
        self._trim_at = time.monotonic() + _FIRST_TRIM_SECS

    def trim_when_due(self) -> None:
        """Return freed memory to the system, once soon after the start and then once a minute. This takes 1 ms.

        Call this method about once a second. Most calls do nothing.
        """
        now = time.monotonic()
        if now >= self._trim_at:
            self._trim_at = now + _TRIM_INTERVAL_SECS
            with suppress(*_NO_GLIBC):
                _libc().malloc_trim(0)
