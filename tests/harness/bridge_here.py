"""The bridge inside the test process, for tests that need no kills, signals or exit codes of crashes.

A separate process needs a second of CPU for its start, mostly for imports. A test reads the log of `BridgeHere` in the
same way as the log of a `BridgeProcess`.
"""

import logging
from typing import TextIO

from bridge.config import load_settings
from bridge.runtime.assembly import assemble
from bridge.runtime.log_setup import set_up_logging
from bridge.runtime.service import Service
from tests.harness.bridge_process import BridgeProcess


class BridgeHere(BridgeProcess):
    """A bridge in a thread of the test process. Until the test ends, logging is set up as in a real bridge."""

    _service: Service | None = None
    _log: TextIO

    def start(self, *, await_subscribed: bool | None = None) -> None:
        assert not self.running, "the bridge is running already"
        self._log_start = self.stderr_file.stat().st_size if self.stderr_file.exists() else 0
        self._log = self.stderr_file.open("a", buffering=1)
        self.stdout_file.touch()
        settings = load_settings(self.folder / "bridge.yaml", self._environment)
        set_up_logging(settings.log.format, settings.log.level, self._log)
        self._stop_secs = settings.stop_secs
        self._service = assemble(settings)
        self._service.start()
        if self._await_subscribed if await_subscribed is None else await_subscribed:
            self.wait_for("subscribed")

    def stop(self, *, timeout_secs: float = 30) -> int:
        """Stop in the same way as `run` after SIGTERM, within `stop_secs`."""
        assert self._service, "the bridge is not running"
        service, self._service = self._service, None
        crashed = service.crashed.is_set()
        finished = service.stop(self._stop_secs)
        logging.getLogger(__name__).info("stopped", extra=service.totals())
        logging.root.handlers.clear()
        self._log.close()
        return 0 if finished and not crashed else 1

    def __exit__(self, *_):
        if self._service:
            self.stop()

    @property
    def running(self) -> bool:
        return self._service is not None and not self._service.crashed.is_set()

    def wait(self, *, timeout_secs: float = 30) -> int:
        return 1

    def send_signal(self, number: int) -> None:
        raise AssertionError(f"no signal ({number}) to this process: a BridgeProcess takes them")
