"""Load of one link: a backlog that is published at once and refilled, or live messages beside a backlog."""

import itertools
import threading
import time
from array import array
from collections.abc import Callable

from tests.harness.publisher import Publisher

TOP_UP_BELOW = 0.9
"""The backlog is refilled when less than this share of it remains."""

LOOK_SECS = 0.5
PATIENCE_SECS = 120.0


class LinkLoad:
    """Publisher of `backlog` messages as fast as the broker accepts them, and then of `live_rate` messages per second.

    If `live_rate` is 0, it refills the backlog instead. `message_of(n)` returns (topic, payload) of the n-th message.
    `arrived()` returns the number of messages that have arrived.
    """

    def __init__(
        self,
        port: int,
        name: str,
        message_of: Callable[[int], tuple[str, bytes]],
        *,
        backlog: int,
        live_rate: float = 0.0,
        arrived: Callable[[], int],
    ) -> None:
        self.filled = threading.Event()
        self.published = array("d")
        """Time at which each message was published."""
        self._message_of, self._arrived = message_of, arrived
        self._backlog, self._live_rate = backlog, live_rate
        self._publisher = Publisher(port, client_id=f"load-{name}", patience_secs=PATIENCE_SECS)
        self._ending = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"load-{name}", daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        self._thread.join(PATIENCE_SECS)

    @property
    def first_live(self) -> int:
        """Number of the first live message."""
        return self._backlog

    def stop(self) -> int:
        """End the load. Return the number of published messages, all of which the broker has acknowledged."""
        self.__exit__()
        self.check()
        assert not self._thread.is_alive(), "the load does not end"
        assert self._publisher.acknowledged == len(self.published)
        return len(self.published)

    def check(self) -> None:
        """Raise the exception that has ended the publisher, if there is one."""
        if self._error is not None:
            raise self._error

    def _run(self):
        try:
            with self._publisher:
                self._publish(self._backlog, None)
                self.filled.set()
                if self._live_rate:
                    self._publish(None, self._live_rate)
                while not self._ending.wait(LOOK_SECS):
                    remaining = len(self.published) - self._arrived()
                    if remaining < TOP_UP_BELOW * self._backlog:
                        self._publish(self._backlog - remaining, None)
        except BaseException as error:  # noqa: BLE001 - it is raised in the scenario's thread
            self._error = error
        finally:
            self.filled.set()

    def _publish(self, count, rate):
        self._publisher.publish(self._messages(count), 1, rate)

    def _messages(self, count):
        """Yield the next `count` messages, or messages until the load ends."""
        first = len(self.published)
        for number in itertools.count(first) if count is None else range(first, first + count):
            if self._ending.is_set():
                return
            self.published.append(time.monotonic())
            yield self._message_of(number)
