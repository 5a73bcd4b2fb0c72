"""Watchdog: it ends the process if the mapping of a burst never returns.

A process supervisor then starts the process again, and `PoisonGuard` identifies the message. There are two ways to
detect a mapping that does not return:

1. The thread of this module sees that the mapping of a burst has taken longer than MAX_BURST_SECS.
2. C code that never releases Python's global lock stops this thread too. For this case, the thread restarts a timer of
   `faulthandler` every second. When the timer runs out, it ends the process without needing the lock. The service sets
   the timer before ingest starts (`set_timer`), because the first burst may be mapped before this thread has run.
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

This is much longer than a slow burst needs: 2,000 messages that take 10 ms each need 20 s. During the mapping the
bridge sends no PINGREQ, so the broker may end the connection earlier.
"""
_CHECK_SECS: Final = 1.0


def set_timer() -> None:
    """Let the process end in MAX_BURST_SECS, unless the timer is set again or cancelled in time."""
    # Replaces the timer of an earlier call.
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
