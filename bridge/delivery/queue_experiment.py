"""An experiment that distinguishes a distant endpoint from a queue that this bridge fills.

For one answer the limits are halved. If the latency falls too, a queue was the cause: it is half as long then. The
latency of a distant endpoint stays.
"""

from __future__ import annotations

from math import inf

QUEUE_SHARE = 0.75
"""If the latency falls below this share with half in flight, a queue was the cause."""

MIN_INTERVAL_SECS = 20.0
_EVERY = 10
"""An experiment costs up to half of the throughput for one answer, so at most one in ten answer times is spent so."""


class QueueExperiment:
    """At most one experiment at a time. `running` while the limits are to be halved. Not thread-safe."""

    def __init__(self) -> None:
        self.running = False
        self.max_requests = 0
        """Number of requests that could be in flight before."""
        self.conclusive_from = 0.0
        """Rates of requests that started earlier show the halved limits, and not the link."""
        self._started_at = 0.0
        self._latency = 0.0
        self.next_at = -inf
        """When the next one may start."""
        self.grow_from = -inf
        """More requests are of no use until then, as a queue was found."""

    def start(self, now: float, latency: float, max_requests: int) -> None:
        """Start after a slow answer, unless the last experiment was a short time ago."""
        if now >= self.next_at:
            self.running = True
            self._started_at, self._latency, self.max_requests = now, latency, max_requests

    def ends_with(self, started_at: float, latency: float) -> bool:
        """Return whether the answer to a request that started at `started_at` ends the experiment.

        Earlier requests had as many others beside them as before: the highest of their latencies is compared.
        """
        if started_at >= self._started_at:
            return True
        self._latency = max(self._latency, latency)
        return False

    def found_queue(self, latency: float, now: float) -> bool:
        """End the experiment with the latency that was found. Return whether it shows a queue."""
        self.running = False
        self.conclusive_from = now + latency  # until then fewer requests are in flight than the limits allow
        queue = latency < self._latency * QUEUE_SHARE and self.max_requests > 1
        long = now + max(MIN_INTERVAL_SECS, _EVERY * latency)
        if queue:  # it may still be too long
            self.next_at, self.grow_from = now + MIN_INTERVAL_SECS, long
        else:
            self.next_at = long
        return queue
