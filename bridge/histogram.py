"""A histogram that takes many observations of one value at once: latencies are counted per burst, not per message."""

from __future__ import annotations

import threading
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_FRACTIONS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5)
LATENCY_SECS = (*_FRACTIONS, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3600.0, 21600.0, 86400.0)
"""Upper bounds, from a local disk's commit to an outage of a day."""


class HistogramSnapshot(NamedTuple):
    """Counts up to and including each bound, the last one without bound; and the sum of all values."""

    bounds: tuple[float, ...]
    cumulative: tuple[int, ...]
    total: float

    @classmethod
    def of(cls, value: Sequence[Any]) -> HistogramSnapshot:
        """From its three parts, as JSON has them."""
        bounds, cumulative, total = value
        return cls(tuple(bounds), tuple(cumulative), float(total))


class Histogram:
    """Any thread."""

    def __init__(self, bounds: tuple[float, ...] = LATENCY_SECS) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0
        self._lock = threading.Lock()

    def observe(self, value: float, count: int = 1) -> None:
        """So many observations of one value."""
        place = bisect_left(self._bounds, value)
        with self._lock:
            self._counts[place] += count
            self._total += value * count

    def value(self) -> HistogramSnapshot:
        """As it stands."""
        with self._lock:
            counts, total = list(self._counts), self._total
        cumulative, running = [], 0
        for count in counts:
            running += count
            cumulative.append(running)
        return HistogramSnapshot(self._bounds, tuple(cumulative), total)


def added(histograms: list[HistogramSnapshot]) -> HistogramSnapshot:
    """Several of the same bounds as one."""
    if not histograms:
        return Histogram().value()
    cumulative = tuple(map(sum, zip(*(each.cumulative for each in histograms), strict=True)))
    return HistogramSnapshot(histograms[0].bounds, cumulative, sum(each.total for each in histograms))
