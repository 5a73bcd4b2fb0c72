"""Timer that takes a snapshot every few seconds, because rates, stalls and the log of problems need one."""

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
"""Seconds between two snapshots, which delay the report of a stall (30 s) by at most this time.

Each takes 0.3 ms of CPU.
"""


class SnapshotTimer:
    """Timer of snapshots.

    One thread calls it often; when a snapshot is due, it takes one and passes it to `observe`.
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
        """Take a snapshot if one is due. An error is logged and does not stop the bridge."""
        if self._clock() < self._due_at:
            return
        # The next time is calculated from the last due time, so that the steps of the curves have equal lengths.
        self._due_at = max(self._due_at + EVERY_SECS, self._clock())
        try:
            self._observe(self._snapshot())
        except (BridgeError, OSError) as error:
            log.debug("no snapshot: %s", error)
        except Exception:
            # A defect in monitoring must not stop a working bridge. One traceback is enough to report it.
            if not self._reported:
                self._reported = True
                log.exception("no snapshot: this is a bug")
