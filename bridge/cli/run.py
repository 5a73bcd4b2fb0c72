"""`run`: the bridge until a signal ends it."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import select
import signal
import sys
from typing import TYPE_CHECKING, Self

from bridge.assembly import DryRun, assemble
from bridge.cli.app import CRASHED, FAILED, INTERRUPTED
from bridge.config import load_settings
from bridge.logs import set_up_logging
from bridge.notify import Notifier

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.service import Service

log = logging.getLogger(__name__)

WATCH_SECS = 1.0
_COLLECTED_AT = 50_000
"""Containers made, less those that are gone, between two looks for cycles: a full window of records is no garbage, and
looking through it at Python's own 700 takes 0.7 µs a message."""


def run_bridge(config: Path, *, dry_run: bool) -> int:
    """The exit code. Raises ConfigError, and BridgeError for what cannot be started."""
    settings = load_settings(config, os.environ)
    set_up_logging(settings.log.format, settings.log.level)
    with Signals() as signals:
        if not dry_run:
            return _run(assemble(settings), signals, settings.stop_secs)
        dry = DryRun(settings, sys.stdout)
        try:
            return _run(dry.service, signals, settings.stop_secs)
        finally:
            dry.remove()


def _run(service: Service, signals: Signals, stop_secs: float) -> int:
    notifier = Notifier(os.environ)
    service.start()
    notifier.ready()
    gc.freeze()
    gc.set_threshold(_COLLECTED_AT)
    while not service.crashed.is_set():
        notifier.feed(service)
        received = signals.wait(WATCH_SECS)
        if received == signal.SIGHUP:
            notifier.reloading()
            service.mappings.ask_reload()
            notifier.ready()
        elif received:
            break
    notifier.stopping()
    finished = service.stop(stop_secs)
    log.info("stopped", extra=service.totals())
    if service.crashed.is_set():
        return CRASHED
    return 0 if finished else FAILED


class Signals:
    """SIGTERM, SIGINT and SIGHUP as values. A second request to stop ends the process at once.

    The handler only writes a byte to a pipe: it may interrupt any line of the main thread, also one that holds a lock.
    """

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
                os._exit(INTERRUPTED)
        with contextlib.suppress(BlockingIOError):  # a full pipe wakes the reader as well as one byte more
            os.write(self._writer, bytes([number]))

    def wait(self, timeout_secs: float) -> int:
        """The next signal's number, or 0 after the timeout."""
        if not select.select([self._reader], [], [], timeout_secs)[0]:
            return 0
        return os.read(self._reader, 1)[0]
