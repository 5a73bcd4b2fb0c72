"""The curves of the last day in three resolutions, and the rates of each mapping and stream in the last hour."""

from __future__ import annotations

import csv
import io
import threading
from math import isnan
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from bridge.monitoring.recording.curve_values import UNITS, curve_values
from bridge.monitoring.recording.time_series import TimeSeries
from bridge.timestamps import rfc3339

if TYPE_CHECKING:
    from bridge.monitoring.recording.curve_file import CurveFile
    from bridge.monitoring.snapshot import Snapshot

Range = Literal["15m", "1h", "24h"]


class Resolution(NamedTuple):
    """Length of a step in seconds, and number of points."""

    step_secs: int
    points: int


RESOLUTIONS: Final[dict[Range, Resolution]] = {
    "15m": Resolution(5, 180),
    "1h": Resolution(15, 240),
    "24h": Resolution(300, 288),
}
# The only range that also stores the rates of each mapping and stream. Three ranges would need three times the memory.
_NAMED_RANGE: Final[Range] = "1h"
# The file is not written after every point, because writes wear out the flash memory of a small machine.
WRITE_SECS: Final = 60.0
"""Seconds between two writes to the file. If the process is killed, the points of at most this time are lost."""


class Curves:
    """The curves of one process.

    One thread calls `add` about every five seconds. Any thread may call the other methods.
    """

    def __init__(self, file: CurveFile | None = None) -> None:
        """Store the curves in `file`. Without a file, they are lost when the process ends."""
        self._ranges = {
            name: TimeSeries(*resolution, named=name == _NAMED_RANGE) for name, resolution in RESOLUTIONS.items()
        }
        self._file = file
        self._lock = threading.Lock()
        self._written_at: float | None = None

    def load(self, now: float) -> None:
        """Read the points of earlier runs from the file. `now` is in seconds since 1970.

        Points later than `now` are skipped, because the clock was wrong when they were stored.
        """
        if self._file is not None:
            with self._lock:
                self._file.load(list(self._ranges.values()), now)

    def add(self, snapshot: Snapshot, at: float, moment: float) -> None:
        """Add the values of a snapshot, and write the file if WRITE_SECS have passed.

        `at` is in seconds since 1970, `moment` in seconds of a monotonic clock.
        """
        values = curve_values(snapshot)
        with self._lock:
            for series in self._ranges.values():
                series.add(values, at, moment)
        if self._written_at is None:
            self._written_at = moment
        elif moment - self._written_at >= WRITE_SECS:
            self._written_at = moment
            self.write()

    def write(self) -> None:
        """Write the new points to the file."""
        if self._file is not None:
            self._file.save(list(self._ranges.values()))

    def value(self, range_name: Range) -> dict[str, Any]:
        """Return one range as an object for JSON. `start` is the time of the first point, in seconds since 1970.

        `series` contains the values of each curve. The value of a missing point is NaN.
        """
        with self._lock:
            series = self._ranges[range_name]
            return {
                "range": range_name,
                "step_secs": series.step_secs,
                "start": _start(series),
                "series": series.curves(),
            }

    def named_rates(self) -> dict[str, Any]:
        """Return the rates of the last hour: of all messages, of each mapping and of each stream."""
        with self._lock:
            series = self._ranges[_NAMED_RANGE]
            return {"step_secs": series.step_secs, "series": series.named()}

    def csv(self, range_name: Range) -> str:
        """Return the curves of one range as CSV, with a line for each step. The field of a missing point is empty."""
        value = self.value(range_name)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["time", *(f"{name} ({unit})" for name, unit in UNITS.items())])
        for at, row in enumerate(zip(*value["series"].values(), strict=True)):
            # A step without any point is omitted, such as the steps before the first start.
            if not all(map(isnan, row)):
                moment = rfc3339(1000 * (value["start"] + at * value["step_secs"]))
                writer.writerow([moment, *("" if isnan(each) else f"{each:.10g}" for each in row)])
        return text.getvalue()


def _start(series: TimeSeries) -> int:
    return 0 if series.newest is None else (series.newest - series.points + 1) * series.step_secs
