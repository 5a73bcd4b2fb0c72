"""How far away Kinesis is, and how many workers that takes: each sends one request and waits for its answer.

Over a way of 100 ms a worker sends ten requests a second, 5,000 plain records: a few keep up with a plant only where
Kinesis is near. Each more is a thread and a connection, so they come one by one, and only where all are busy and no
answer of late came quickly; they stay, since one that has nothing to do costs no CPU. An answer is late for other
reasons too, such as a machine with much to do; the quickest of several tells the way.
"""

from __future__ import annotations

from collections import deque

FIRST_WORKERS = 4
FAR_SECS = 0.04
_ANSWERS = 16


class Distance:
    """Of one stream's sender. `workers` is how many there are to be; not thread-safe: the sender guards it."""

    def __init__(self, most_workers: int) -> None:
        self.workers = min(FIRST_WORKERS, most_workers)
        self._most = most_workers
        self._latencies: deque[float] = deque(maxlen=_ANSWERS)

    def answered(self, latency_secs: float, others_in_flight: int, *, throttled: bool) -> bool:
        """Kinesis took records after that time, while so many other requests were under way: one more worker, or not.

        Where a shard takes no more, more requests bring nothing.
        """
        self._latencies.append(latency_secs)
        if throttled or self.workers >= self._most or others_in_flight < self.workers - 1:
            return False
        if len(self._latencies) < _ANSWERS or min(self._latencies) < FAR_SECS:
            return False
        self.workers += 1
        return True
