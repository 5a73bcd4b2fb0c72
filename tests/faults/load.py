"""Load of telemetry at a constant rate, which counts the messages that the broker has acknowledged."""

import threading
import time

from tests.harness.publisher import Publisher
from tests.harness.telemetry import telemetry

TOPICS = 50
PATIENCE_SECS = 120.0
ENDLESS = 1_000_000_000


class Load:
    """Load of messages with the numbers 0, 1, 2, …. After an outage of the broker, it catches up."""

    def __init__(self, port: int, rate: int) -> None:
        self.rate = rate
        self.active_secs = 0.0
        self._sent = 0
        self._publisher = Publisher(port, client_id="load", patience_secs=PATIENCE_SECS)
        self._ending, self._wanted, self._idle = threading.Event(), threading.Event(), threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    @property
    def acknowledged(self) -> int:
        """Number of messages that the broker has acknowledged, up to the first unacknowledged one."""
        return self._publisher.acknowledged

    def start(self) -> None:
        self._wanted.set()
        self._thread.start()

    def pause(self) -> None:
        """Wait until the broker has acknowledged all sent messages."""
        self._wanted.clear()
        assert self._idle.wait(PATIENCE_SECS), "the load does not come to an end"
        self.check()

    def resume(self) -> None:
        self._idle.clear()
        self._wanted.set()

    def stop(self) -> int:
        """Stop the load. Return the number of sent messages, all of which the broker has acknowledged."""
        self._ending.set()
        self._wanted.set()
        self._thread.join(PATIENCE_SECS)
        assert not self._thread.is_alive(), "the load does not end"
        self.check()
        assert self.acknowledged == self._sent
        return self._sent

    def check(self) -> None:
        """Raise the exception that has ended the publisher, if there is one."""
        if self._error is not None:
            raise self._error

    @property
    def held(self) -> float:
        """Mean rate in messages per second, without the pauses of the load."""
        return self.acknowledged / self.active_secs if self.active_secs else 0.0

    def _run(self):
        try:
            with self._publisher:
                while not self._ending.is_set():
                    started = time.monotonic()
                    self._publisher.publish(self._messages(), 1, self.rate)
                    self.active_secs += time.monotonic() - started
                    self._idle.set()
                    self._wanted.wait()
        except BaseException as error:  # noqa: BLE001 - it is raised in the scenario's thread
            self._error = error
        finally:
            self._idle.set()

    def _messages(self):
        for message in telemetry(ENDLESS, topics=TOPICS, first=self._sent):
            if self._ending.is_set() or not self._wanted.is_set():
                return
            self._sent += 1
            yield message
