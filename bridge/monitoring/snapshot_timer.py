"""Timer that takes a snapshot every few seconds.

Rates, stalls, curves and the log of problems need regular snapshots, even if no client requests one.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from bridge.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.monitoring.snapshot import Snapshot

log = logging.getLogger(__name__)

EVERY_SECS: Final = 5.0
"""Seconds between two snapshots, and so the maximum delay until a problem is found.

A snapshot needs 0.3 ms of CPU time.
"""


class SnapshotTimer:
    """Timer that takes snapshots with `snapshot`, and passes each to `observe`.

    One thread must call the timer about once a second. Most of these calls do nothing.
    """

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        observe: Callable[[Snapshot], None] = lambda _snapshot: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._snapshot = snapshot
        self._observe = observe
        self._clock = clock
        self._due_at = clock() + EVERY_SECS
        self._reported = False

    def __call__(self) -> None:
        """Take a snapshot if EVERY_SECS have passed since the last one. An error is logged, and never raised."""
        if self._clock() < self._due_at:
            return
        # Add the interval to the planned time, not to the current time. Otherwise, small delays would add up, and a
        # step of the curves could be without a snapshot.
        self._due_at = max(self._due_at + EVERY_SECS, self._clock())
        try:
            self._observe(self._snapshot())
        except (BridgeError, OSError) as error:
            log.debug("no snapshot: %s", error)
        except Exception:
            # A bug in monitoring must not stop a bridge that delivers. Only the first traceback is logged.
            if not self._reported:
                self._reported = True
                log.exception("no snapshot: this is a bug")
