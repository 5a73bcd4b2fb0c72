"""The signals that a bridge listens to."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from typing import TYPE_CHECKING, Self

from bridge.runtime.exit_codes import INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Callable


class Signals:
    """SIGTERM, SIGINT and SIGHUP as values. A second request to stop ends the process at once, `at_once` first.

    The handler only writes a byte to a pipe: it may interrupt any line of the main thread, also one that holds a lock.
    """

    def __init__(self) -> None:
        self.at_once: Callable[[], None] = lambda: None

    def __enter__(self) -> Self:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self._stops = 0
        self._before = {
            number: signal.signal(number, self._note) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        }
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
                os._exit(INTERRUPTED)
        with contextlib.suppress(BlockingIOError):  # a full pipe wakes the reader as well as one byte more
            os.write(self._writer, bytes([number]))

    def wait(self, timeout_secs: float, *others: int) -> int:
        """The next signal's number, or 0 after the timeout, or when one of these other files can be read."""
        if self._reader not in select.select([self._reader, *others], [], [], timeout_secs)[0]:
            return 0
        return os.read(self._reader, 1)[0]
