"""Experiment that finds the cause of slow answers: the endpoint is slow or far away, or requests wait in a queue.

The limits of the requests in flight are halved until a request that started under these limits is answered. If requests
wait in a queue, the queue is then half as long, and the latency falls. If the endpoint is slow or far away, the latency
does not change.
"""

from __future__ import annotations

from math import inf

QUEUE_SHARE = 0.75
"""If the latency falls below this fraction of the latency before the experiment, a queue was the cause."""

MIN_INTERVAL_SECS = 20.0
# Minimum time between two experiments, as a multiple of the latency. An experiment may halve the throughput for the
# time of one answer.
_EVERY = 10


class LatencyExperiment:
    """Experiment with one endpoint. While `running` is true, the limits are halved. Not thread-safe."""

    def __init__(self) -> None:
        self.running = False
        self.max_requests = 0
        """Maximum number of requests in flight before the experiment."""
        self.conclusive_from = 0.0
        """Requests that started earlier do not show the bandwidth. Their rate is low because of the halved limits."""
        self._started_at = 0.0
        self._latency = 0.0
        self.next_at = -inf
        """Earliest time of the next experiment."""
        self.grow_from = -inf
        """Time until which the limits should not grow, because requests would only wait in the queue that was found."""

    def start(self, now: float, latency: float, max_requests: int) -> None:
        """Start an experiment after a slow answer, if the time `next_at` has come."""
        if now >= self.next_at:
            self.running = True
            self._started_at, self._latency, self.max_requests = now, latency, max_requests

    def ends_with(self, started_at: float, latency: float) -> bool:
        """Return whether the answer to a request that started at `started_at` ends the experiment.

        Requests that started before the experiment were sent with the full limits. The highest of their latencies is
        compared with the latency that ends the experiment.
        """
        if started_at >= self._started_at:
            return True
        self._latency = max(self._latency, latency)
        return False

    def found_queue(self, latency: float, now: float) -> bool:
        """End the experiment with the measured latency. Return whether the latency shows a queue."""
        self.running = False
        self.conclusive_from = now + latency  # until then, fewer requests are in flight than the limits allow
        queue = latency < self._latency * QUEUE_SHARE and self.max_requests > 1
        long = now + max(MIN_INTERVAL_SECS, _EVERY * latency)
        if queue:  # the queue may still be too long after halving the limits, so another experiment may follow soon
            self.next_at, self.grow_from = now + MIN_INTERVAL_SECS, long
        else:
            self.next_at = long
        return queue
