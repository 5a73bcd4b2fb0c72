"""Histogram of observed values. All messages of a burst have the same latency, so one call can count it many times."""

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
"""Upper bounds of latency buckets in seconds. The lowest is for a commit on a local disk, the highest for an outage of
one day. /metrics uses these bounds."""
# Number of fine bounds between 1 and 10 seconds, and in every other decade.
_PER_DECADE: Final = 20
_FINE = (10 ** (step / _PER_DECADE) for step in range(-4 * _PER_DECADE, 5 * _PER_DECADE))
FINE_SECS: Final = tuple(sorted({*LATENCY_SECS, *(float(f"{each:.3g}") for each in _FINE)}))
"""Upper bounds for precise quantiles: LATENCY_SECS and further bounds. Each is at most 13 % above the previous one."""


class HistogramSnapshot(NamedTuple):
    """Counts of a histogram at one time. `total` is the sum of all observed values.

    Each count in `cumulative` is the number of values up to and including its bound. One more count follows the last
    bound: the number of all observations.
    """

    bounds: tuple[float, ...]
    cumulative: tuple[int, ...]
    total: float

    @classmethod
    def of(cls, value: Sequence[Any]) -> HistogramSnapshot:
        """Return the snapshot with these three fields, which were read from JSON."""
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
        # bisect_left: a value equal to a bound belongs to that bound, because bounds are inclusive.
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
    """Return the sum of histograms, which must have the same bounds. Return an empty snapshot for an empty list."""
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
    """Return the value that `share` (0 to 1) of the observations do not exceed. The histogram must not be empty.

    The result is estimated from the bucket that contains this value:

    1. The lowest bucket: half of its bound.
    2. Above the highest bound: the highest bound.
    3. Any other bucket: the geometric mean of its two bounds. With FINE_SECS, this is wrong by at most 7 %.
    """
    at = bisect_left(histogram.cumulative, max(1, share * histogram.cumulative[-1]))
    if at >= len(histogram.bounds):
        return histogram.bounds[-1]
    return sqrt(histogram.bounds[at - 1] * histogram.bounds[at]) if at else histogram.bounds[0] / 2
