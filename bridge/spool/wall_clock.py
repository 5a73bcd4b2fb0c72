"""Wall clock for the ages of records. A jump of the machine's clock does not change an age.

A box without a battery-backed clock starts with a wrong time, which NTP corrects later by days or years. If ages used
only the wall clock, all records received before the correction would suddenly seem too old, and `spool.max_age_secs`
would drop them. So this clock counts with the kernel's boot clock, and compares itself with the wall clock once a
second:

1. A small difference is adopted. NTP adjusts a clock gradually, by at most 43 s a day.
2. A larger difference means that the clock was set. The receive times since the boot are shifted by the same time, so
   ages do not change. Receive times of an earlier boot are not shifted. A receive time before 2025 shows that the clock
   was wrong when the records
were received, so their age is counted from now.
"""

from __future__ import annotations

import json
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

from bridge.errors import SpoolWriteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bridge.spool.queue.stream_queue import StreamQueue

log = logging.getLogger(__name__)

STEP_MS: Final = 2_000
"""Smallest difference in ms that counts as a clock that was set.

NTP adjusts less than 1 ms in the second between two comparisons.
"""
FIRST_MS: Final = 1_735_689_600_000
"""Start of 2025, in ms since 1970."""


class SpoolQueues(Protocol):
    """The part of the spool that the clock uses. The thread that calls `follow` may also commit."""

    @property
    def queues(self) -> Mapping[str, StreamQueue]:
        """Queues by name."""

    def set_meta(self, key: str, value: str) -> None:
        """Store a value at once. Raises SpoolWriteError or SpoolCorrupt."""


def boot_ms() -> int:
    """Return the milliseconds since the boot of the machine, including those in which it was suspended."""
    # CLOCK_MONOTONIC would not count the time while the machine is suspended, but records age during this time.
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


class WallClock:
    """Time in ms since 1970 that jumps only in `follow`. Any thread may call `now_ms`."""

    def __init__(
        self, wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000, steady_ms: Callable[[], int] = boot_ms
    ) -> None:
        self._wall_ms = wall_ms
        self._steady_ms = steady_ms
        self._offset_ms = wall_ms() - steady_ms()

    def now_ms(self) -> int:
        """Return the time in ms since 1970."""
        return self._offset_ms + self._steady_ms()

    def follow(self, spool: SpoolQueues) -> int:
        """Follow the machine's wall clock, and correct the marks of the queues if it was set. Ingest thread.

        Return the milliseconds by which it was set, 0 if it was not.
        """
        boot, now = self._offset_ms, self.now_ms()
        step = self._wall_ms() - now
        # Small steps are adopted at once too, so that they cannot add up to a large one.
        self._offset_ms += step
        if abs(step) < STEP_MS:
            return 0
        direction = "forward" if step > 0 else "back"
        log.warning("the machine's clock was set %s by %.0f s; the ages of records stay", direction, abs(step) / 1000)
        for queue in spool.queues.values():
            # Only marks of this boot are shifted, because the clock may have been correct in an earlier boot.
            times = queue.receive_times
            queue.receive_times = [(number, at + step if boot <= at <= now else at) for number, at in times]
            queue.receive_times_changed = True
            # A failed write is repeated with the queue's next commit.
            with suppress(SpoolWriteError):
                spool.set_meta(f"marks {queue.number}", json.dumps(queue.receive_times))
        return step


def plausible_receive_times(marks: Iterable[tuple[int, int]], now_ms: int) -> list[tuple[int, int]]:
    """Return the stored marks (record number, time), with `now_ms` instead of a time before FIRST_MS."""
    # `max` keeps a mark from before 2025 from being later than now if the clock is still wrong.
    return [(number, at if at >= FIRST_MS else max(at, now_ms)) for number, at in marks]
