"""Arrivals in Kinesis, and the resources of a peer."""

import time

from tests.benchmarks.peers.running import Running
from tests.benchmarks.peers.sink import Sink

SAMPLE_SECS = 0.05


class Watch:
    """Sampler of the arrivals and of the peer's resources."""

    def __init__(self, sink: Sink, running: Running, patience_secs: float) -> None:
        self._sink, self._running, self._patience_secs = sink, running, patience_secs
        self.counters: dict = {}
        self.rss_bytes = 0
        self.cpu_secs = 0.0
        self.first: tuple[float, int] | None = None
        self.last: tuple[float, int] = (time.monotonic(), 0)

    def sample(self) -> float:
        """Take one sample. Return the seconds since the last arrival."""
        self._running.check()
        now, self.counters = time.monotonic(), self._sink.counters()
        self.rss_bytes = max(self.rss_bytes, self._running.rss_bytes)
        arrived = self.counters["distinct"] + self.counters["duplicates"]
        if arrived > self.last[1]:
            self.first = self.first or (now, arrived)
            self.last = (now, arrived)
        if self.first is None or now - self.last[0] < 1:  # CPU time after the last message is not for messages
            self.cpu_secs = self._running.cpu_secs
        return now - self.last[0]

    def until_done(self, sent: int) -> None:
        """Wait until every message has arrived and no more duplicates arrive, or until the time limit."""
        began = time.monotonic()
        while True:
            quiet = min(self.sample(), time.monotonic() - began)
            if quiet > (2 if self.counters["distinct"] >= sent else self._patience_secs):
                return
            time.sleep(SAMPLE_SECS)

    @property
    def messages_per_sec(self) -> float:
        """Messages per second from the first to the last arrival."""
        if self.first is None:
            return 0.0
        (began, before), (ended, arrived) = self.first, self.last
        return (arrived - before) / max(ended - began, SAMPLE_SECS)

    def for_secs(self, secs: float) -> None:
        end = time.monotonic() + secs
        while time.monotonic() < end:
            self.sample()
            time.sleep(SAMPLE_SECS)
