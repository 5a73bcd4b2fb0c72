"""Histogram of observed values, for example of latencies.

One call can count a value many times, because all messages of a burst have the same latency.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from itertools import pairwise
from math import sqrt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_FRACTIONS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5)
LATENCY_SECS: Final = (
    *(*_FRACTIONS, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0),
    *(1_800.0, 3_600.0, 10_800.0, 21_600.0, 43_200.0, 86_400.0),
)
"""Upper bounds in seconds of the latency buckets in /metrics. They range from a commit on a local disk (1 ms) to an
outage of one day."""
# Number of bounds that FINE_SECS adds in each decade, for example between 1 and 10 seconds.
_PER_DECADE: Final = 20
_FINE = (10 ** (step / _PER_DECADE) for step in range(-4 * _PER_DECADE, 5 * _PER_DECADE))
FINE_SECS: Final = tuple(sorted({*LATENCY_SECS, *(float(f"{each:.3g}") for each in _FINE)}))
"""Upper bounds for precise quantiles: LATENCY_SECS and further bounds. Each bound is at most 13 % above the previous
bound."""


class HistogramSnapshot(NamedTuple):
    """Counts of a histogram at one time. `total` is the sum of all observed values.

    `cumulative[i]` is the number of values that are at most `bounds[i]`. The last element of `cumulative` has no bound:
    it is the number of all values.
    """

    bounds: tuple[float, ...]
    cumulative: tuple[int, ...]
    total: float

    @classmethod
    def of(cls, value: Sequence[Any]) -> HistogramSnapshot:
        """Return the snapshot for a list of its three fields, as it was read from JSON."""
        bounds, cumulative, total = value
        return cls(tuple(bounds), tuple(cumulative), float(total))


class Histogram:
    """Counts of observed values by upper bound. Thread-safe."""

    def __init__(self, bounds: tuple[float, ...] = LATENCY_SECS) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0
        self._lock = threading.Lock()

    def observe(self, value: float, count: int = 1) -> None:
        """Count `count` observations of one value."""
        # `bisect_left` counts a value that equals a bound in the bucket of this bound, because bounds are inclusive.
        place = bisect_left(self._bounds, value)
        with self._lock:
            self._counts[place] += count
            self._total += value * count

    def value(self) -> HistogramSnapshot:
        """Return the current counts."""
        with self._lock:
            counts, total = list(self._counts), self._total
        cumulative, running = [], 0
        for count in counts:
            running += count
            cumulative.append(running)
        return HistogramSnapshot(self._bounds, tuple(cumulative), total)


def added(histograms: list[HistogramSnapshot]) -> HistogramSnapshot:
    """Return the sum of histograms, which must have the same bounds. The sum of an empty list is an empty snapshot."""
    if not histograms:
        return Histogram().value()
    cumulative = tuple(map(sum, zip(*(each.cumulative for each in histograms), strict=True)))
    return HistogramSnapshot(histograms[0].bounds, cumulative, sum(each.total for each in histograms))


def difference(now: HistogramSnapshot, before: HistogramSnapshot) -> HistogramSnapshot | None:
    """Return the observations between two snapshots of one histogram.

    Return None if there were no observations, or if the histogram was reset between the snapshots.
    """
    earlier = before.cumulative if before.bounds == now.bounds else (0,) * len(now.cumulative)
    cumulative = tuple(new - old for new, old in zip(now.cumulative, earlier, strict=True))
    counts = [cumulative[0], *(high - low for low, high in pairwise(cumulative))]
    if min(counts) < 0 or not cumulative[-1]:
        return None
    return HistogramSnapshot(now.bounds, cumulative, now.total - before.total)


def quantile(histogram: HistogramSnapshot, share: float) -> float:
    """Return a quantile, for example the median with `share` 0.5. The histogram must not be empty.

    The result is an estimate. It depends on the bucket that contains the quantile:

    1. In the lowest bucket, the result is half of the bucket's bound.
    2. Above the highest bound, the result is the highest bound.
    3. In any other bucket, the result is the geometric mean of the bucket's two bounds. With FINE_SECS, its error is at
       most 7 %.
    """
    at = bisect_left(histogram.cumulative, max(1, share * histogram.cumulative[-1]))
    if at >= len(histogram.bounds):
        return histogram.bounds[-1]
    return sqrt(histogram.bounds[at - 1] * histogram.bounds[at]) if at else histogram.bounds[0] / 2
