"""Watchdog that ends the process if the mapping of one burst never returns.

A supervisor then starts the process again, and `PoisonGuard` finds the message. There are two ways to detect it:

1. This thread finds that the mapping of one burst has lasted for MAX_BURST_SECS.
2. C code that keeps the interpreter's lock stops this thread too. So this thread restarts a timer of `faulthandler`
   every second. The timer needs no lock. `set_timer` sets the timer before the first burst. Messages that waited in the
   session are mapped at once, possibly before this thread has run.
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

A burst of 2,000 messages whose mapping takes 10 ms each needs 20 s. The broker ends the session long before, because
the bridge sends no PINGREQ.
"""
_CHECK_SECS: Final = 1.0


def set_timer() -> None:
    """End the process in MAX_BURST_SECS, unless the timer is set again or cancelled until then."""
    # A call replaces the timer that was set before.
    faulthandler.dump_traceback_later(MAX_BURST_SECS, exit=True)


def end_process_on_hang(
    stopping: threading.Event,
    mapping_since: Callable[[], float | None],
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Watch until `stopping` is set.

    This is the body of a thread. `mapping_since` returns the monotonic time at which the mapping of the current burst
    began; None if none is being mapped.
    """
    try:
        ended = False
        while not ended:
            set_timer()
            since = mapping_since()
            if since is not None and clock() - since > MAX_BURST_SECS:
                log.critical("the mapping of a burst has not returned for %.0f s: the process ends", clock() - since)
                faulthandler.dump_traceback()
                # A normal exit would wait for the ingest thread, which never returns.
                os._exit(CRASHED)
            ended = stopping.wait(_CHECK_SECS)
    finally:
        # Otherwise the timer would end the process during an orderly stop.
        faulthandler.cancel_dump_traceback_later()
