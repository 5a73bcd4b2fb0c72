"""One resolution of the curves: a ring of points for each curve, with one point for each step of the wall clock.

A point summarises its complete step: the mean rate, the highest level (or the lowest, see `LOWEST`), or the
percentiles. If the bridge was down or hung during a step, the step has no point, and each curve has a gap.
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
"""Max number of curves. With 240 points of 8 bytes each, they need 6 MB."""
MAX_GAP_STEPS: Final = 3
"""A snapshot that is late by fewer steps causes no gap: its rates cover the time since the previous one."""
# Format of values: five digits are more than a screen can show, and short in JSON.
_SIGNIFICANT: Final = ".5g"


@dataclass(slots=True)
class _Base:
    """The snapshot with which the current step began, and the levels since then."""

    values: CurveValues
    slot: int
    moment: float
    levels: dict[str, float]


class TimeSeries:
    """Ring of `points` points, each over `step_secs`. Not thread-safe: its owner guards it.

    With `named`, it also stores the counters of each mapping and stream, which are not in `UNITS`.
    """

    def __init__(self, step_secs: int, points: int, *, named: bool = False) -> None:
        self.step_secs = step_secs
        self.points = points
        self.newest: int | None = None
        """Number of the newest step with a point: seconds since 1970, divided by the length of a step."""
        self._named = named
        self._series = {name: self._empty() for name in UNITS}
        self._base: _Base | None = None

    def _empty(self) -> array[float]:
        return array("d", [nan]) * self.points

    def add(self, values: CurveValues, at: float, moment: float) -> None:
        """Add a snapshot. `at`: seconds since 1970; `moment`: seconds of a monotonic clock."""
        slot, base = int(at // self.step_secs), self._base
        if base is None or not base.slot <= slot <= base.slot + MAX_GAP_STEPS:
            # The first snapshot, and one after a gap or a change of the clock, gives no rate. It is only a new base.
            self._base = _Base(values, slot, moment, dict(values.levels))
            return
        _fold(base.levels, values.levels)
        if slot == base.slot or moment <= base.moment:
            return
        point = rates(values.counters, base.values.counters, moment - base.moment)
        point |= base.levels | latencies(values.latency, base.values.latency)
        for each in range(base.slot, slot):
            self.put(each, point if self._named else {name: point[name] for name in UNITS if name in point})
        self._base = _Base(values, slot, moment, dict(values.levels))

    def put(self, slot: int, point: Mapping[str, float]) -> None:
        """Store the point of a step. Remove points that are too old for the ring or later than this step."""
        if self.newest is None or slot > self.newest:
            first = slot if self.newest is None else max(self.newest + 1, slot - self.points + 1)
            self._clear(range(first, slot))
        else:
            # The clock was set back, so points after this step are in the future.
            self._clear(range(slot + 1, min(self.newest, slot + self.points) + 1))
        self._clear(range(slot, slot + 1))
        self.newest, place = slot, slot % self.points
        for name, value in point.items():
            if name not in self._series:
                if len(self._series) >= MAX_SERIES:
                    continue
                self._series[name] = self._empty()
            self._series[name][place] = float(format(value, _SIGNIFICANT))

    def _clear(self, slots: range) -> None:
        for series in self._series.values():
            for slot in slots:
                series[slot % self.points] = nan

    def curves(self) -> dict[str, list[float]]:
        """Return the points of the curves, oldest first; NaN if a point is missing."""
        return {name: self._ordered(self._series[name]) for name in UNITS}

    def named(self) -> dict[str, list[float]]:
        """Return the points of the other series. Their first points may be missing."""
        return {name: self._ordered(series) for name, series in self._series.items() if name not in UNITS}

    def _ordered(self, series: array[float]) -> list[float]:
        cut = 0 if self.newest is None else (self.newest + 1) % self.points
        return series[cut:].tolist() + series[:cut].tolist()

    def rows(self, after: int) -> Iterator[tuple[int, Sequence[float]]]:
        """Yield (step, values of `UNITS`) of each step after `after`; NaN: no point."""
        if self.newest is not None:
            for slot in range(max(after, self.newest - self.points) + 1, self.newest + 1):
                yield slot, [self._series[name][slot % self.points] for name in UNITS]


def _fold(levels: dict[str, float], now: Mapping[str, float]) -> None:
    for name, value in now.items():
        known = levels.get(name, value)
        levels[name] = min(known, value) if name in LOWEST else max(known, value)
