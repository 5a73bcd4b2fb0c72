"""The last hour, for the sparklines: a point every ten seconds, for each mapping and each stream."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from bridge.monitoring.snapshot import Snapshot

STEP_SECS: Final = 10.0
POINTS: Final = 360
MAX_SERIES: Final = 5_000
"""Together at most 7 MB."""


class History:
    """Rates between one snapshot and the next; one thread writes, any reads."""

    def __init__(self) -> None:
        self._series: dict[str, array[float]] = {}
        self._points = 0
        self._last: dict[str, float] = {}
        self._last_at: float | None = None

    def add(self, snapshot: Snapshot, now: float) -> None:
        """A point more; the first snapshot only tells where counting begins. `now` is seconds of a steady clock."""
        totals = _totals(snapshot)
        if self._last_at is not None and now > self._last_at:
            secs = now - self._last_at
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
        """As JSON: `series` by name, oldest first, each as long as the others."""
        series = {name: [round(point, 2) for point in points] for name, points in list(self._series.items())}
        return {"step_secs": STEP_SECS, "series": series}


def _totals(snapshot: Snapshot) -> dict[str, float]:
    """What counts up, by the name of its series."""
    totals: dict[str, float] = {"messages": snapshot.received_messages}
    for row in snapshot.ledger:
        totals[f"mapping {row.mapping}"] = totals.get(f"mapping {row.mapping}", 0.0) + row.received
    totals |= {f"stream {stream.stream}": stream.delivered for stream in snapshot.streams}
    totals["mapped"] = sum(row.received - row.filtered - row.dead_lettered for row in snapshot.ledger)
    totals["delivered"] = sum(stream.delivered for stream in snapshot.streams)
    return totals


def _levels(snapshot: Snapshot) -> dict[str, float]:
    """What stands at a height."""
    return {"backlog": snapshot.total("spooled")}
