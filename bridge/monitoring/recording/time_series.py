"""Points of all curves in one resolution.

Time is divided into steps of equal length, for example of 15 seconds. A curve has one point for each step. The point is
the mean rate during the step, the highest level (or the lowest, see `LOWEST`), or a percentile of the latencies. If the
bridge was down or hung during a step, each curve has a gap at this step.

The points of a curve are stored in a ring: a new point replaces the oldest one.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Final

from bridge.monitoring.recording.curve_values import LOWEST, UNITS, latencies, rates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bridge.monitoring.recording.curve_values import CurveValues

MAX_SERIES: Final = 3_000
"""Maximum number of curves, including those of mappings and streams. With 240 points each, they need 6 MB."""
MAX_GAP_STEPS: Final = 3
"""If a snapshot is late by at most this number of steps, the curves have no gap. The missed steps get the mean rate."""
# Values are rounded to five digits. A screen cannot show more, and the JSON becomes shorter.
_SIGNIFICANT: Final = ".5g"


@dataclass(slots=True)
class _StepStart:
    """The first snapshot of the current step, and the highest (or lowest) levels since then."""

    values: CurveValues
    step: int
    moment: float
    levels: dict[str, float]


class TimeSeries:
    """Points of all curves in one resolution. Not thread-safe: the owner of the object protects it.

    Each curve has `points` points, and each point covers `step_secs` seconds. With `named`, the object also stores a
    curve for each mapping and stream. The names of these curves are not in `UNITS`.
    """

    def __init__(self, step_secs: int, points: int, *, named: bool = False) -> None:
        self.step_secs = step_secs
        self.points = points
        self.newest: int | None = None
        """Number of the newest step with a point. It is the time in seconds since 1970, divided by `step_secs`."""
        self._named = named
        self._series = {name: self._empty() for name in UNITS}
        self._start: _StepStart | None = None

    def _empty(self) -> array[float]:
        return array("d", [nan]) * self.points

    def add(self, values: CurveValues, at: float, moment: float) -> None:
        """Add the values of a snapshot.

        `at` is in seconds since 1970, `moment` in seconds of a monotonic clock. The points of a step are stored when
        the first snapshot of a later step arrives.
        """
        step, start = int(at // self.step_secs), self._start
        if start is None or not start.step <= step <= start.step + MAX_GAP_STEPS:
            # A rate needs an earlier snapshot. The first snapshot has none, and also the first snapshot after a gap or
            # after a change of the clock.
            self._start = _StepStart(values, step, moment, dict(values.levels))
            return
        _update_levels(start.levels, values.levels)
        if step == start.step or moment <= start.moment:
            return
        point = rates(values.counters, start.values.counters, moment - start.moment)
        point |= start.levels | latencies(values.latency, start.values.latency)
        for each in range(start.step, step):
            self.put(each, point if self._named else {name: point[name] for name in UNITS if name in point})
        self._start = _StepStart(values, step, moment, dict(values.levels))

    def put(self, step: int, point: Mapping[str, float]) -> None:
        """Store the values of all curves at a step, which becomes the newest step.

        This removes the points that are too old for the ring, and all points later than this step.
        """
        if self.newest is None or step > self.newest:
            # The steps between the newest point and this one had no snapshot.
            first = step if self.newest is None else max(self.newest + 1, step - self.points + 1)
            self._clear(range(first, step))
        else:
            # The clock was set back, so the points after this step are in the future.
            self._clear(range(step + 1, min(self.newest, step + self.points) + 1))
        self._clear(range(step, step + 1))
        self.newest, position = step, step % self.points
        for name, value in point.items():
            if name not in self._series:
                # The number of mappings and streams has no limit, but the memory of their curves must have one.
                if len(self._series) >= MAX_SERIES:
                    continue
                self._series[name] = self._empty()
            self._series[name][position] = float(format(value, _SIGNIFICANT))

    def _clear(self, steps: range) -> None:
        for series in self._series.values():
            for step in steps:
                series[step % self.points] = nan

    def curves(self) -> dict[str, list[float]]:
        """Return the points of each curve, oldest first. A missing point is NaN."""
        return {name: self._ordered(self._series[name]) for name in UNITS}

    def named(self) -> dict[str, list[float]]:
        """Return the points of the curves of mappings and streams, oldest first. A missing point is NaN."""
        return {name: self._ordered(series) for name, series in self._series.items() if name not in UNITS}

    def _ordered(self, series: array[float]) -> list[float]:
        oldest = 0 if self.newest is None else (self.newest + 1) % self.points
        return series[oldest:].tolist() + series[:oldest].tolist()

    def rows(self, after: int) -> Iterator[tuple[int, Sequence[float]]]:
        """Yield (step number, values in the order of `UNITS`) for each step after `after`. A missing value is NaN."""
        if self.newest is not None:
            for step in range(max(after, self.newest - self.points) + 1, self.newest + 1):
                yield step, [self._series[name][step % self.points] for name in UNITS]


def _update_levels(levels: dict[str, float], now: Mapping[str, float]) -> None:
    for name, value in now.items():
        known = levels.get(name, value)
        levels[name] = min(known, value) if name in LOWEST else max(known, value)
