"""Recorder of one process: events and curves from a snapshot every five seconds, stored in the folder of its spool."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bridge import __version__
from bridge.monitoring.problem_history import ProblemHistory
from bridge.monitoring.recording.curve_file import CURVE_FILE, CurveFile
from bridge.monitoring.recording.curves import Curves
from bridge.monitoring.recording.event import Event
from bridge.monitoring.recording.event_detection import EventDetector
from bridge.monitoring.recording.event_log import EventLog, EventReader, unfinished

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bridge.mapping.loading.reload_report import ReloadReport
    from bridge.monitoring.recording.event import Level
    from bridge.monitoring.snapshot import Snapshot


class Recorder:
    """Events and curves of one process. One thread calls `observe`; `reloaded` may be called on any thread.

    With `curves`, it records curves; only a process with a page shows them. With `detects`, it derives events from
    snapshots; in a supervisor, the workers do that. `what` names the process in its first and last event.
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
        """Read the files of earlier runs in `folder`, which must exist."""
        self.events = EventLog(folder)
        self.curves = Curves(CurveFile(folder / CURVE_FILE) if curves else None)
        self._what = what
        self._clock = clock
        self._wall_clock = wall_clock
        now, before = wall_clock(), EventReader().events(folder)
        self._draws = curves
        self.curves.load(now)
        begun = unfinished(before)
        self.problems = ProblemHistory(self.events.add, begun)
        self._detector = EventDetector(begun, now) if detects else None
        unclean = bool(before) and before[-1].kind != "stopped"
        detail = "; the run before ended without a stop (crash, kill or power failure)" if unclean else ""
        text = f"{what} started"
        self.events.add(
            Event(now, "started", text, f"version {__version__}{detail}", level="warning" if unclean else "info")
        )

    def observe(self, snapshot: Snapshot) -> None:
        """Record a snapshot, and write the files if that is due."""
        now = self._wall_clock()
        if self._detector is not None:
            for event in self._detector.observe(snapshot, now):
                self.events.add(event)
        if self._draws:
            self.curves.add(snapshot, now, self._clock())
        self.events.flush()

    def reloaded(self, report: ReloadReport) -> None:
        """Record a reload of the mappings."""
        level: Level = "warning" if report.failed else "info"
        at = self._wall_clock()
        self.events.add(Event(at, "reload", report.summary, report.detail, level=level, stage="mapping"))

    def close(self) -> None:
        """Record the stop, and write everything."""
        self.events.add(Event(self._wall_clock(), "stopped", f"{self._what} stopped"))
        self.events.flush()
        self.curves.write()
