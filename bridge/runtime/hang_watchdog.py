"""Watchdog that ends the process if the mapping of a burst never returns.

A burst is a group of messages that are mapped and committed together. A process supervisor starts the process again,
and `PoisonGuard` then finds the message that caused the hang. There are two ways to detect a mapping that does not
return:

1. The thread of this module sees that the mapping of a burst has taken longer than MAX_BURST_SECS.
2. C code that never releases Python's global interpreter lock stops this thread too. For this case, the thread restarts
   a timer of `faulthandler` every second. A timer that is not restarted ends the process, and does not need the lock.
   The service starts the timer before ingest (`set_timer`), because the first burst may already hang.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import time
from typing import TYPE_CHECKING, Final

from bridge.runtime.exit_codes import CRASHED

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

log = logging.getLogger(__name__)

MAX_BURST_SECS: Final = 120.0
"""Maximum time for the mapping of one burst.

A slow burst needs much less time: 2,000 messages that take 10 ms each need 20 s.
"""
_CHECK_SECS: Final = 1.0


def set_timer() -> None:
    """Start the timer that ends the process after MAX_BURST_SECS. If the timer is running, restart it."""
    faulthandler.dump_traceback_later(MAX_BURST_SECS, exit=True)


def end_process_on_hang(
    stopping: threading.Event,
    mapping_since: Callable[[], float | None],
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Watch the mapping of bursts until `stopping` is set.

    This function is the body of a thread. `mapping_since` returns the monotonic time at which the mapping of the
    current burst began, or None if no burst is being mapped.
    """
    try:
        ended = False
        while not ended:
            set_timer()
            since = mapping_since()
            if since is not None and clock() - since > MAX_BURST_SECS:
                log.critical("the mapping of a burst has not returned for %.0f s: the process ends", clock() - since)
                faulthandler.dump_traceback()
                # End at once, because a normal exit would wait for the ingest thread.
                os._exit(CRASHED)
            ended = stopping.wait(_CHECK_SECS)
    finally:
        # Cancel the timer. Otherwise, it would end the process during an orderly stop.
        faulthandler.cancel_dump_traceback_later()
