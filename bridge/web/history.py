"""Rates of the last hour, for the sparklines: a point every ten seconds, for each mapping and each stream."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from bridge.monitoring.snapshot import Snapshot

STEP_SECS: Final = 10.0
POINTS: Final = 360
MAX_SERIES: Final = 5_000
"""Max number of series. With 360 floats of 4 bytes each they need at most 7 MB."""


class History:
    """Time series of the rates between snapshots. One thread writes, any thread reads."""

    def __init__(self) -> None:
        self._series: dict[str, array[float]] = {}
        self._points = 0
        self._last: dict[str, float] = {}
        self._last_at: float | None = None

    def add(self, snapshot: Snapshot, now: float) -> None:
        """Add a point. The first snapshot only sets the start of the counters. `now` is monotonic time in seconds."""
        totals = _totals(snapshot)
        if self._last_at is not None and now > self._last_at:
            secs = now - self._last_at
            # A counter can go back, for example when a worker restarts; that is no negative rate.
            values = {name: max(0.0, total - self._last.get(name, total)) / secs for name, total in totals.items()}
            self._append(values | _levels(snapshot))
        self._last, self._last_at = totals, now

    def _append(self, values: dict[str, float]) -> None:
        for name in values:
            if name not in self._series and len(self._series) < MAX_SERIES:
                self._series[name] = array("f", [0.0] * self._points)
        self._points = min(self._points + 1, POINTS)
        for name, series in self._series.items():
            series.append(values.get(name, 0.0))
            del series[: len(series) - self._points]

    def value(self) -> dict[str, Any]:
        """Return the series by name as JSON, oldest point first, all of the same length."""
        series = {name: [round(point, 2) for point in points] for name, points in list(self._series.items())}
        return {"step_secs": STEP_SECS, "series": series}


def _totals(snapshot: Snapshot) -> dict[str, float]:
    """Return the counters, by the name of their series."""
    totals: dict[str, float] = {"messages": snapshot.received_messages}
    for row in snapshot.ledger:
        totals[f"mapping {row.mapping}"] = totals.get(f"mapping {row.mapping}", 0.0) + row.received
    totals |= {f"stream {stream.stream}": stream.delivered for stream in snapshot.streams}
    totals["mapped"] = sum(row.received - row.filtered - row.dead_lettered for row in snapshot.ledger)
    totals["delivered"] = sum(stream.delivered for stream in snapshot.streams)
    return totals


def _levels(snapshot: Snapshot) -> dict[str, float]:
    """Return the gauges: values that go up and down."""
    return {"backlog": snapshot.total("spooled")}
