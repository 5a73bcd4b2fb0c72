"""A snapshot every few seconds, whoever looks: rates, stalls and the log of problems need one."""

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
"""A stall is an error after 30 s: this much later at most. A snapshot takes 0.3 ms of CPU."""


class SnapshotTimer:
    """Timer of snapshots: one thread calls it often, and now and then it takes one, and passes it to `observe`."""

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
        """Take a snapshot if one is due. Nothing that goes wrong with it stops the bridge: the next one may succeed."""
        if self._clock() < self._due_at:
            return
        # From one due time to the next, and not from now: the steps of the curves have the same length.
        self._due_at = max(self._due_at + EVERY_SECS, self._clock())
        try:
            self._observe(self._snapshot())
        except (BridgeError, OSError) as error:
            log.debug("no snapshot: %s", error)
        except Exception:
            # A defect in what only looks must not end a bridge that works; one traceback is enough to report it.
            if not self._reported:
                self._reported = True
                log.exception("no snapshot: this is a bug")
