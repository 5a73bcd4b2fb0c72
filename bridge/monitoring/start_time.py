"""Start time of a process. It stays correct if the clock of the machine is set while the process runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bridge.spool.wall_clock import STEP_MS, boot_ms

if TYPE_CHECKING:
    from collections.abc import Callable


class StartTime:
    """Time at which this object was created. Any thread may use it.

    A machine without a battery-backed clock boots with a time in the past, until NTP sets its clock. With a start time
    from the wrong clock, the bridge would then seem to have run for years.
    """

    def __init__(
        self, wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000, steady_ms: Callable[[], int] = boot_ms
    ) -> None:
        self._wall_ms = wall_ms
        self._steady_ms = steady_ms
        self._began_ms = steady_ms()
        self._epoch_ms = wall_ms()

    def epoch_secs(self) -> float:
        """Return the start time in seconds since 1970, according to the current setting of the clock."""
        epoch_ms = self._wall_ms() - (self._steady_ms() - self._began_ms)
        # NTP adjusts a clock by small amounts all the time. These must not change the start time.
        if abs(epoch_ms - self._epoch_ms) >= STEP_MS:
            self._epoch_ms = epoch_ms
        return self._epoch_ms / 1000
