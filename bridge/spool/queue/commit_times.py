"""When a queue's records were received and put on disk: two moments for each commit, to time their way to Kinesis."""

from __future__ import annotations

from bisect import bisect_left
from math import inf
from typing import TYPE_CHECKING

from bridge.histogram import Histogram

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.model import Record

_KEPT = 10_000
"""Commits remembered. Records of older ones, as after an outage or a restart, are timed by the queue's marks."""
_PARTS = 8
"""Records that lie apart, as those of several shards, are timed in so many parts."""


class Commits:
    """Not thread-safe: the queue guards it. Times are seconds of one steady clock."""

    def __init__(self) -> None:
        self.from_disk = Histogram()
        self.from_arrival = Histogram()
        self._first = 0
        """The number from which on commits are remembered."""
        self._lasts: list[int] = []
        self._times: list[tuple[float, float]] = []
        self.pause_secs = inf
        """Between the last commit and the one before it."""

    def add(self, first: int, last: int, received_at: float, now: float) -> None:
        """Records from `first` up to `last` are on disk; the burst that they are of was received then."""
        if not self._lasts:
            self._first = first
        if len(self._lasts) >= _KEPT:
            self._first = self._lasts[_KEPT // 2 - 1] + 1
            del self._lasts[: _KEPT // 2], self._times[: _KEPT // 2]
        if self._times:
            self.pause_secs = now - self._times[-1][1]
        self._lasts.append(last)
        self._times.append((received_at, now))

    def delivered(self, records: Sequence[Record], now: float, age_secs: Callable[[int], float | None]) -> None:
        """Time these, which Kinesis has taken; of a run of numbers, commit by commit.

        `age_secs` gives, of a record whose commit is not remembered, how long ago it was received, or None.
        """
        first, last, left = records[0].number, records[-1].number, len(records)
        if last - first + 1 == left:
            self._run(first, left, now, age_secs)
            return
        size = -(-left // _PARTS)
        for start in range(0, left, size):
            self._of_one_commit(records[start].number, min(size, left - start), now, age_secs)

    def _run(self, first: int, left: int, now: float, age_secs: Callable[[int], float | None]) -> None:
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
        if not self._lasts or number < self._first:
            self._observe_age(age_secs(number), count)
        else:
            self._observe(min(bisect_left(self._lasts, number), len(self._lasts) - 1), count, now)

    def _observe(self, place: int, count: int, now: float) -> None:
        received_at, written_at = self._times[place]
        self.from_arrival.observe(max(0.0, now - received_at), count)
        self.from_disk.observe(max(0.0, now - written_at), count)

    def _observe_age(self, age: float | None, count: int) -> None:
        """A mark is of seconds: what lies between arrival and disk is less."""
        if age is not None:
            self.from_arrival.observe(age, count)
            self.from_disk.observe(age, count)
