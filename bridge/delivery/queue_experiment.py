"""An experiment that distinguishes a distant endpoint from a queue that this bridge fills.

The limits are halved until one request is answered. If the latency falls, a queue was the cause, because the queue is
then half as long. The latency of a distant endpoint does not change.
"""

from __future__ import annotations

from math import inf

QUEUE_SHARE = 0.75
"""If the latency falls below this share when half as much is in flight, a queue was the cause."""

MIN_INTERVAL_SECS = 20.0
# Answer times between two experiments: each may cost half of the throughput for one answer time.
_EVERY = 10


class QueueExperiment:
    """The experiment of one endpoint. While `running`, the limits are halved. Not thread-safe."""

    def __init__(self) -> None:
        self.running = False
        self.max_requests = 0
        """Maximum number of requests in flight before the experiment."""
        self.conclusive_from = 0.0
        """Rates of requests that started before this time show the halved limits, and not the link."""
        self._started_at = 0.0
        self._latency = 0.0
        self.next_at = -inf
        """Earliest start of the next experiment."""
        self.grow_from = -inf
        """Time before which more requests are of no use, because a queue was found."""

    def start(self, now: float, latency: float, max_requests: int) -> None:
        """Start an experiment after a slow answer, unless the last experiment was recent."""
        if now >= self.next_at:
            self.running = True
            self._started_at, self._latency, self.max_requests = now, latency, max_requests

    def ends_with(self, started_at: float, latency: float) -> bool:
        """Return whether the answer to a request that started at `started_at` ends the experiment.

        Requests that started before the experiment were in flight with the full number of requests. The highest of
        their latencies is the value for the comparison.
        """
        if started_at >= self._started_at:
            return True
        self._latency = max(self._latency, latency)
        return False

    def found_queue(self, latency: float, now: float) -> bool:
        """End the experiment with the measured latency. Return whether it indicates a queue."""
        self.running = False
        self.conclusive_from = now + latency  # until then fewer requests are in flight than the limits allow
        queue = latency < self._latency * QUEUE_SHARE and self.max_requests > 1
        long = now + max(MIN_INTERVAL_SECS, _EVERY * latency)
        if queue:  # the halved queue may still be too long, so another experiment may follow soon
            self.next_at, self.grow_from = now + MIN_INTERVAL_SECS, long
        else:
            self.next_at = long
        return queue
