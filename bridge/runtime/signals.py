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
    """Context in which child processes are started with blocked signals, until the child enters `Signals`.

    Otherwise, a signal would end a child while its Python starts. Children inherit the signal mask, which applies only
    to this thread.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Signals:
    """Signals as values that the main thread reads. A second SIGTERM or SIGINT calls `at_once` and ends the process.

    The handler only writes a byte to a pipe. It may interrupt the main thread anywhere, even while that thread holds a
    lock.
    """

    def __init__(self) -> None:
        self.at_once: Callable[[], None] = lambda: None

    def __enter__(self) -> Self:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self._stops = 0
        self._before = {number: signal.signal(number, self._note) for number in HANDLED}
        # Signals that were blocked since `deferred_in_children` arrive now.
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
                # os._exit runs no cleanup, so the process ends at once.
                os._exit(INTERRUPTED)
        with contextlib.suppress(BlockingIOError):  # A full pipe wakes the reader too.
            os.write(self._writer, bytes([number]))

    def wait(self, timeout_secs: float, *others: int) -> int:
        """Wait for a signal and return its number.

        Return 0 after the timeout, or if one of the file descriptors `others` is readable.
        """
        if self._reader not in select.select([self._reader, *others], [], [], timeout_secs)[0]:
            return 0
        return os.read(self._reader, 1)[0]
