"""Wall clock for the ages of records. The ages stay correct even if the machine's clock is set to another time.

A machine without a battery-backed clock starts with a wrong time. NTP corrects the time later, by days or years. If
ages used only the machine's clock, all records received before the correction would suddenly seem too old, and
`spool.max_age_secs` would drop them. Therefore this clock counts the milliseconds since the boot, which are always
correct, and adds an offset. Once a second, `follow` compares the sum with the machine's clock:

1. If the difference is small, the clock adopts the machine's time. NTP adjusts a clock gradually, by at most 43 s a
   day.
2. A larger difference means that the clock was set. The difference is added to all receive times that were stored since
   the boot, so that ages do not change. Older receive times stay unchanged.

A receive time before 2025 shows that the clock was wrong when the record was received. At the next start, the age of
such a record begins at 0.
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
"""If the difference is at least this many ms, the machine's clock was set.

The gradual adjustment of NTP changes the clock by less than 1 ms between two comparisons.
"""
FIRST_MS: Final = 1_735_689_600_000
"""Start of 2025, in ms since 1970. An earlier receive time is wrong."""


class SpoolQueues(Protocol):
    """The part of the spool that `follow` uses.

    Only the ingest thread calls `follow`, because only this thread may write to the spool.
    """

    @property
    def queues(self) -> Mapping[str, StreamQueue]:
        """Queues by name."""

    def set_meta(self, key: str, value: str) -> None:
        """Store a value at once. Raises SpoolWriteError or SpoolCorrupt."""


def boot_ms() -> int:
    """Return the milliseconds since the boot of the machine, including the time while it was suspended."""
    # CLOCK_MONOTONIC stops while the machine is suspended, but records grow older during this time too.
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


class WallClock:
    """Clock in ms since 1970. Only `follow` can set it. Any thread may call `now_ms`."""

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
        """Compare with the machine's clock. If it was set, correct the receive times of all queues. Ingest thread only.

        Return the milliseconds by which the machine's clock was set, or 0.
        """
        boot, now = self._offset_ms, self.now_ms()
        step = self._wall_ms() - now
        # Adopt small differences too. Otherwise, they could add up to STEP_MS.
        self._offset_ms += step
        if abs(step) < STEP_MS:
            return 0
        direction = "forward" if step > 0 else "back"
        log.warning("the machine's clock was set %s by %.0f s; records keep their age", direction, abs(step) / 1000)
        for queue in spool.queues.values():
            # Change only receive times since this boot, because the clock may have been correct before it.
            times = queue.receive_times
            times.pairs = [(number, at + step if boot <= at <= now else at) for number, at in times.pairs]
            times.changed = True
            # After an error, the queue's next commit writes the times again, because `changed` is True.
            with suppress(SpoolWriteError):
                spool.set_meta(f"marks {queue.number}", json.dumps(times.pairs))
        return step


def plausible_receive_times(pairs: Iterable[tuple[int, int]], now_ms: int) -> list[tuple[int, int]]:
    """Return the pairs (record number, receive time). A receive time before FIRST_MS is replaced by `now_ms`."""
    # If the clock is still wrong, `now_ms` may be earlier than the stored time. Then `max` keeps the stored time.
    return [(number, at if at >= FIRST_MS else max(at, now_ms)) for number, at in pairs]
