"""Recorder of one process. It derives events and curves from snapshots, and stores them in the folder of the spool."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bridge import __version__
from bridge.monitoring.problem_history import ProblemHistory
from bridge.monitoring.recording.curve_file import CURVE_FILE, CurveFile
from bridge.monitoring.recording.curves import Curves
from bridge.monitoring.recording.event import Event
from bridge.monitoring.recording.event_detection import EventDetector
from bridge.monitoring.recording.event_log import EventLog, EventReader, unfinished_events

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bridge.mapping.loading.reload_report import ReloadReport
    from bridge.monitoring.recording.event import Level
    from bridge.monitoring.snapshot import Snapshot


class Recorder:
    """Recorder of one process. One thread calls `observe` and `close`. Any thread may call `reloaded`.

    curves    true to record curves; only the process with the page shows them
    detects   true to derive events from snapshots; false for a supervisor, because its workers derive the events
    what      name of the process in the events of its start and its stop
    """

    def __init__(
        self,
        folder: Path,
        *,
        curves: bool,
        detects: bool = True,
        what: str = "bridge",
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Read the files of earlier runs in `folder`, which must exist, and add an event for the start."""
        self.events = EventLog(folder)
        self.curves = Curves(CurveFile(folder / CURVE_FILE) if curves else None)
        self._what = what
        self._clock = clock
        self._wall_clock = wall_clock
        now, before = wall_clock(), EventReader().events(folder)
        self._records_curves = curves
        self.curves.load(now)
        begun = unfinished_events(before)
        self.problems = ProblemHistory(self.events.add, begun)
        self._detector = EventDetector(begun, now) if detects else None
        unclean = bool(before) and before[-1].kind != "stopped"
        detail = "; the previous run did not stop cleanly (crash, kill or power failure)" if unclean else ""
        text = f"{what} started"
        self.events.add(
            Event(now, "started", text, f"version {__version__}{detail}", level="warning" if unclean else "info")
        )

    def observe(self, snapshot: Snapshot) -> None:
        """Record a snapshot. New events are written at once, and new points of the curves about once a minute."""
        now = self._wall_clock()
        if self._detector is not None:
            for event in self._detector.observe(snapshot, now):
                self.events.add(event)
        if self._records_curves:
            self.curves.add(snapshot, now, self._clock())
        self.events.flush()

    def reloaded(self, report: ReloadReport) -> None:
        """Add an event for a reload of the mappings."""
        level: Level = "warning" if report.failed else "info"
        at = self._wall_clock()
        self.events.add(Event(at, "reload", report.summary, report.detail, level=level, stage="mapping"))

    def close(self) -> None:
        """Add an event for the stop, and write everything to the files."""
        self.events.add(Event(self._wall_clock(), "stopped", f"{self._what} stopped"))
        self.events.flush()
        self.curves.write()
