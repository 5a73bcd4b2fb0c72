"""Handling of the signals SIGTERM, SIGINT and SIGHUP."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from typing import TYPE_CHECKING, Self

from bridge.runtime.exit_codes import INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextlib.contextmanager
def deferred_in_children() -> Iterator[None]:
    """Context in which child processes start with blocked signals. A child unblocks them when it enters `Signals`.

    Otherwise, a signal would end the child while its Python interpreter starts. Children inherit the signal mask of
    this thread. Other threads are not affected.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Signals:
    """Signals as values that the main thread reads. The second SIGTERM or SIGINT calls `at_once` and ends the process.

    The signal handler only writes a byte to a pipe. It must not acquire a lock: it interrupts the main thread, which
    may hold the same lock.
    """

    def __init__(self) -> None:
        self.at_once: Callable[[], None] = lambda: None

    def __enter__(self) -> Self:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self._stops = 0
        self._before = {number: signal.signal(number, self._note) for number in HANDLED}
        # `deferred_in_children` has blocked the signals since the start of this process. They are handled now.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._reader)
        os.close(self._writer)

    def _note(self, number: int, _frame: object) -> None:
        if number != signal.SIGHUP:
            self._stops += 1
            if self._stops > 1:
                self.at_once()
                # End at once: os._exit runs no cleanup.
                os._exit(INTERRUPTED)
        with contextlib.suppress(BlockingIOError):  # if the pipe is full, the reader wakes up anyway
            os.write(self._writer, bytes([number]))

    def wait(self, timeout_secs: float, *others: int) -> int:
        """Wait for a signal and return its number.

        Return 0 after the timeout, or when one of the file descriptors `others` is readable.
        """
        if self._reader not in select.select([self._reader, *others], [], [], timeout_secs)[0]:
            return 0
        return os.read(self._reader, 1)[0]
