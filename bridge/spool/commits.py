"""When a queue's records were put on disk: a moment for each commit, so that their way to Kinesis can be timed."""

from __future__ import annotations

from bisect import bisect_left
from math import inf
from typing import TYPE_CHECKING

from bridge.histogram import Histogram

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.model import Record

_KEPT = 10_000
"""Commits remembered; records of older ones, as after an outage, are timed as those of the oldest that is known."""


class Commits:
    """Not thread-safe: the queue guards it. Times are seconds of one steady clock."""

    def __init__(self) -> None:
        self.latency = Histogram()
        self._lasts: list[int] = []
        self._times: list[float] = []
        self.pause_secs = inf
        """Between the last commit and the one before it."""

    def add(self, last: int, now: float) -> None:
        """Records up to `last` are on disk."""
        if len(self._lasts) >= _KEPT:
            del self._lasts[: _KEPT // 2], self._times[: _KEPT // 2]
        if self._times:
            self.pause_secs = now - self._times[-1]
        self._lasts.append(last)
        self._times.append(now)

    def delivered(self, records: Sequence[Record], now: float) -> None:
        """Time these, which Kinesis has taken; of a run of numbers, commit by commit."""
        first, last, left = records[0].number, records[-1].number, len(records)
        if not self._lasts or last - first + 1 != left:
            self._one(first, left, now)
            return
        place = bisect_left(self._lasts, first)
        while left > 0 and place < len(self._lasts):
            count = min(left, self._lasts[place] - first + 1)
            self.latency.observe(max(0.0, now - self._times[place]), count)
            first += count
            left -= count
            place += 1

    def _one(self, number: int, count: int, now: float) -> None:
        """Records that lie apart, after a failure: as the first of them."""
        place = min(bisect_left(self._lasts, number), len(self._lasts) - 1)
        if place >= 0:
            self.latency.observe(max(0.0, now - self._times[place]), count)
