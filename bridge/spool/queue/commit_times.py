"""Times of commits, used to measure how long records take to reach Kinesis.

Each commit has two times: when its records were received, and when they were on disk.
"""

from __future__ import annotations

from bisect import bisect_left
from math import inf
from typing import TYPE_CHECKING

from bridge.histogram import FINE_SECS, Histogram

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.model import Record

# Maximum number of commits in memory.
# It is bounded, because an outage may last for days. The times of older records come from the marks, which are at least
# 5 s apart. This is exact enough after an outage or a restart.
_MAX_COMMITS = 10_000
# Number of parts into which a batch with gaps between its numbers is divided; each part is timed by its first record.
# Such batches occur when several shards share a queue.
_PARTS = 8


class CommitTimes:
    """Commit times and latency histograms of one queue. Not thread-safe: the queue's lock guards it.

    Times are seconds of one monotonic clock.
    """

    def __init__(self) -> None:
        self.from_disk = Histogram()
        self.from_arrival = Histogram(FINE_SECS)
        # First record number whose commit is in memory.
        self._first = 0
        self._lasts: list[int] = []
        self._times: list[tuple[float, float]] = []
        self.pause_secs = inf
        """Seconds between the last commit and the one before it."""

    def add(self, first: int, last: int, received_at: float, now: float) -> None:
        """Store that records `first` to `last` were on disk at `now`. Their burst was received at `received_at`."""
        if not self._lasts:
            self._first = first
        if len(self._lasts) >= _MAX_COMMITS:
            self._first = self._lasts[_MAX_COMMITS // 2 - 1] + 1
            # Half of the entries are removed at once, because deleting at the front of a list takes time proportional
            # to its length.
            del self._lasts[: _MAX_COMMITS // 2], self._times[: _MAX_COMMITS // 2]
        if self._times:
            self.pause_secs = now - self._times[-1][1]
        self._lasts.append(last)
        self._times.append((received_at, now))

    def age_secs(self, number: int, now: float) -> float | None:
        """Return the seconds since record `number` was received, or None if its commit is not in memory."""
        if not self._lasts or not self._first <= number <= self._lasts[-1]:
            return None
        return max(0.0, now - self._times[bisect_left(self._lasts, number)][0])

    def delivered(self, records: Sequence[Record], now: float, age_secs: Callable[[int], float | None]) -> None:
        """Observe the latencies of records that Kinesis accepted.

        If their numbers have no gap, each commit's records are timed exactly.

        `age_secs` returns the seconds since a record was received, or None if unknown. It is used for records whose
        commit is no longer in memory.
        """
        first, last, left = records[0].number, records[-1].number, len(records)
        if last - first + 1 == left:
            self._run(first, left, now, age_secs)
            return
        # The result is rounded up, so that there are never more than _PARTS parts.
        size = -(-left // _PARTS)
        for start in range(0, left, size):
            self._of_one_commit(records[start].number, min(size, left - start), now, age_secs)

    def _run(self, first: int, left: int, now: float, age_secs: Callable[[int], float | None]) -> None:
        """Observe `left` records without gaps from number `first` on."""
        # Records of commits that are no longer in memory, or of an earlier run.
        older = min(left, self._first - first) if self._lasts else left
        if older > 0:
            self._observe_age(age_secs(first), older)
            first, left = first + older, left - older
        place = bisect_left(self._lasts, first)
        while left > 0 and place < len(self._lasts):
            count = min(left, self._lasts[place] - first + 1)
            self._observe(place, count, now)
            first += count
            left -= count
            place += 1

    def _of_one_commit(self, number: int, count: int, now: float, age_secs: Callable[[int], float | None]) -> None:
        """Observe `count` records with the times of the commit that contains `number`."""
        if not self._lasts or number < self._first:
            self._observe_age(age_secs(number), count)
        else:
            self._observe(min(bisect_left(self._lasts, number), len(self._lasts) - 1), count, now)

    def _observe(self, place: int, count: int, now: float) -> None:
        received_at, written_at = self._times[place]
        self.from_arrival.observe(max(0.0, now - received_at), count)
        self.from_disk.observe(max(0.0, now - written_at), count)

    def _observe_age(self, age: float | None, count: int) -> None:
        """Observe an age that comes from a mark.

        Marks are seconds apart. The time between arrival and disk is shorter, so both histograms get the same value.
        """
        if age is not None:
            self.from_arrival.observe(age, count)
            self.from_disk.observe(age, count)
