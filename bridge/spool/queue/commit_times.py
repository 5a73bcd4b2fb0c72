"""Times of commits, from which the latency of records is computed.

Each commit has two times: the time at which its records were received, and the time at which they were on disk. Only
the times of recent commits are in memory. For older records, the receive times in receive_times.py are used, which are
exact to 5 s.
"""

from __future__ import annotations

from bisect import bisect_left
from math import inf
from typing import TYPE_CHECKING

from bridge.histogram import FINE_SECS, Histogram

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.model import Record

# Maximum number of commits in memory. Without this limit, an outage of days would fill the memory.
_MAX_COMMITS = 10_000
# A batch with gaps between its record numbers is divided into this many parts. All records of a part get the times of
# the part's first record. Batches have gaps if the records of a queue go to several shards.
_PARTS = 8


class CommitTimes:
    """Commit times and latency histograms of one queue. Not thread-safe: callers hold the queue's lock.

    Times are seconds of one monotonic clock.
    """

    def __init__(self) -> None:
        self.from_disk = Histogram()
        self.from_arrival = Histogram(FINE_SECS)
        # Lowest record number whose commit is in memory.
        self._first = 0
        # Last record number of each commit. `_times` contains the commit's times (received, on disk) at the same index.
        self._lasts: list[int] = []
        self._times: list[tuple[float, float]] = []
        self.pause_secs = inf
        """Seconds between the last two commits."""

    def add(self, first: int, last: int, received_at: float, now: float) -> None:
        """Add a commit: records `first` to `last` were received at `received_at`, and were on disk at `now`."""
        if not self._lasts:
            self._first = first
        if len(self._lasts) >= _MAX_COMMITS:
            self._first = self._lasts[_MAX_COMMITS // 2 - 1] + 1
            # Remove half of the entries at once, because each removal at the front moves all other entries of the list.
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
        """Add the latencies of delivered records to the histograms.

        If the numbers of the records have no gaps, each record gets the times of its commit. Otherwise, see _PARTS.

        `age_secs` is called for records whose commit is no longer in memory. It returns the seconds since a record was
        received, or None if this is unknown.
        """
        first, last, left = records[0].number, records[-1].number, len(records)
        if last - first + 1 == left:
            self._run(first, left, now, age_secs)
            return
        # Round up, so that there are never more than _PARTS parts.
        size = -(-left // _PARTS)
        for start in range(0, left, size):
            self._of_one_commit(records[start].number, min(size, left - start), now, age_secs)

    def _run(self, first: int, left: int, now: float, age_secs: Callable[[int], float | None]) -> None:
        """Add the latencies of `left` records with consecutive numbers from `first` on."""
        # Number of records whose commits are not in memory, because they are too old or from an earlier run.
        older = min(left, self._first - first) if self._lasts else left
        if older > 0:
            self._observe_age(age_secs(first), older)
            first, left = first + older, left - older
        index = bisect_left(self._lasts, first)
        while left > 0 and index < len(self._lasts):
            count = min(left, self._lasts[index] - first + 1)
            self._observe(index, count, now)
            first += count
            left -= count
            index += 1

    def _of_one_commit(self, number: int, count: int, now: float, age_secs: Callable[[int], float | None]) -> None:
        """Count the latency of record `number` for `count` records."""
        if not self._lasts or number < self._first:
            self._observe_age(age_secs(number), count)
        else:
            self._observe(min(bisect_left(self._lasts, number), len(self._lasts) - 1), count, now)

    def _observe(self, index: int, count: int, now: float) -> None:
        received_at, written_at = self._times[index]
        self.from_arrival.observe(max(0.0, now - received_at), count)
        self.from_disk.observe(max(0.0, now - written_at), count)

    def _observe_age(self, age: float | None, count: int) -> None:
        """Count an age for `count` records in both histograms.

        The age is only exact to 5 s. The time from arrival to disk is shorter than this, so both histograms get the
        same value.
        """
        if age is not None:
            self.from_arrival.observe(age, count)
            self.from_disk.observe(age, count)
