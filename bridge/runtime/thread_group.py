"""Groups of named threads. Each thread is restarted after transient errors. A group is joined within one deadline."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = logging.getLogger(__name__)

RETRY_SECS: Final = 1.0
"""Pause before a thread's body runs again after a transient error."""


class ThreadGroup:
    """Threads that are stopped together.

    They are daemon threads, so a thread that hangs does not keep the process alive.

    If the body of a thread raises one of the `transient` errors, the body runs again after RETRY_SECS. The thread ends
    if `stopping` is set in this time. Any other error ends the thread and sets `crashed`, because the process must then
    be restarted.
    """

    def __init__(
        self,
        stopping: threading.Event,
        crashed: threading.Event,
        *,
        transient: tuple[type[Exception], ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stopping = stopping
        self._crashed = crashed
        self._transient = transient
        self._clock = clock
        self._threads: list[threading.Thread] = []

    def __iter__(self) -> Iterator[threading.Thread]:
        return iter(tuple(self._threads))

    def start(self, name: str, body: Callable[[], None]) -> None:
        """Run `body` in a thread with this name."""
        thread = threading.Thread(target=self._guard, args=(name, body), name=name, daemon=True)
        thread.start()
        self._threads.append(thread)  # after the start, because joining a thread that has not started is an error

    def _guard(self, name: str, body: Callable[[], None]) -> None:
        while True:
            try:
                body()
            except self._transient as error:
                log.error("%s: %s; retrying", name, error)
                if self._stopping.wait(RETRY_SECS):
                    return
            except BaseException:
                log.critical("%s ended with an error; the process must be restarted", name, exc_info=True)
                self._crashed.set()
                return
            else:
                return

    @property
    def alive(self) -> list[str]:
        """Names of the threads that have not ended."""
        return [thread.name for thread in self if thread.is_alive()]

    def join(self, deadline: float) -> bool:
        """Wait until all threads have ended, but not longer than until clock time `deadline`.

        Return whether all threads have ended.
        """
        for thread in self:
            thread.join(max(0.0, deadline - self._clock()))
        late = self.alive
        # Only log the late threads. They are daemons, so they end with the process.
        if late:
            log.warning("threads that have not ended within the deadline: %s", ", ".join(late))
        return not late
