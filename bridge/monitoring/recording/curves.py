"""The curves of the last day in three resolutions, and the rates of each mapping and stream of the last hour."""

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
    """Seconds of a step, and the number of points."""

    step_secs: int
    points: int


RESOLUTIONS: Final[dict[Range, Resolution]] = {
    "15m": Resolution(5, 180),
    "1h": Resolution(15, 240),
    "24h": Resolution(300, 288),
}
# Range of the rates of each mapping and stream.
_OF_EACH: Final[Range] = "1h"
# Points are not written one by one, because each write wears the flash memory of a small box.
WRITE_SECS: Final = 60.0
"""Seconds between two writes to the file. A crash loses the points of at most this time."""


class Curves:
    """The curves of one process.

    Every method may be called on any thread. One thread calls `add` about every five seconds.
    """

    def __init__(self, file: CurveFile | None = None) -> None:
        """Continue the curves of `file`. Without a file, the curves are lost with the process."""
        self._levels = {
            name: TimeSeries(*resolution, named=name == _OF_EACH) for name, resolution in RESOLUTIONS.items()
        }
        self._file = file
        self._lock = threading.Lock()
        self._written_at: float | None = None

    def load(self, now: float) -> None:
        """Read the points of earlier runs.

        `now`: seconds since 1970. Points later than `now` come from a wrong clock, and are skipped.
        """
        if self._file is not None:
            with self._lock:
                self._file.load(list(self._levels.values()), now)

    def add(self, snapshot: Snapshot, at: float, moment: float) -> None:
        """Add a snapshot. `at`: seconds since 1970; `moment`: seconds of a monotonic clock."""
        values = curve_values(snapshot)
        with self._lock:
            for level in self._levels.values():
                level.add(values, at, moment)
        if self._written_at is None:
            self._written_at = moment
        elif moment - self._written_at >= WRITE_SECS:
            self._written_at = moment
            self.write()

    def write(self) -> None:
        """Write the new points to the file."""
        if self._file is not None:
            self._file.save(list(self._levels.values()))

    def value(self, wanted: Range) -> dict[str, Any]:
        """Return one range as JSON: the time of the first point, and the values of each curve (NaN if missing)."""
        with self._lock:
            level = self._levels[wanted]
            return {"range": wanted, "step_secs": level.step_secs, "start": _start(level), "series": level.curves()}

    def of_each(self) -> dict[str, Any]:
        """Return the rates of the last hour, of all messages, of each mapping and of each stream."""
        with self._lock:
            level = self._levels[_OF_EACH]
            return {"step_secs": level.step_secs, "series": level.named()}

    def csv(self, wanted: Range) -> str:
        """Return the curves of one range as CSV: a line for each step, with empty fields for missing points."""
        value = self.value(wanted)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["time", *(f"{name} ({unit})" for name, unit in UNITS.items())])
        for at, row in enumerate(zip(*value["series"].values(), strict=True)):
            # Rows before the first start are omitted.
            if not all(map(isnan, row)):
                moment = rfc3339(1000 * (value["start"] + at * value["step_secs"]))
                writer.writerow([moment, *("" if isnan(each) else f"{each:.10g}" for each in row)])
        return text.getvalue()


def _start(level: TimeSeries) -> int:
    return 0 if level.newest is None else (level.newest - level.points + 1) * level.step_secs
