"""Start time of a process, by a clock that may be set while the process runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bridge.spool.wall_clock import STEP_MS, boot_ms

if TYPE_CHECKING:
    from collections.abc import Callable


class StartTime:
    """The time at which this object was created. Any thread may use it.

    A box without a battery-backed clock starts with a time in the past. As soon as NTP sets the clock, the bridge would
    seem to have run for years.
    """

    def __init__(
        self, wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000, steady_ms: Callable[[], int] = boot_ms
    ) -> None:
        self._wall_ms = wall_ms
        self._steady_ms = steady_ms
        self._began_ms = steady_ms()
        self._epoch_ms = wall_ms()

    def epoch_secs(self) -> float:
        """Return the time in seconds since 1970, by the current setting of the clock."""
        epoch_ms = self._wall_ms() - (self._steady_ms() - self._began_ms)
        # The value stays the same while the clock is only adjusted.
        if abs(epoch_ms - self._epoch_ms) >= STEP_MS:
            self._epoch_ms = epoch_ms
        return self._epoch_ms / 1000
