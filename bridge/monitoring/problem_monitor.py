"""Monitor that adds the flows and the problems to each snapshot of a bridge.

Flows and problems depend on earlier snapshots, so the monitor stores a history.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.monitoring.flow import FlowHistory
from bridge.monitoring.link_log import LinkLog
from bridge.monitoring.problem_history import ProblemHistory
from bridge.monitoring.problem_rules import find_problems

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.monitoring.snapshot import Snapshot


class ProblemMonitor:
    """Monitor of one bridge. Any thread may call `assess`.

    Rates and stalls are correct only if `assess` is called every few seconds (see `SnapshotTimer`).
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        history: ProblemHistory | None = None,
    ) -> None:
        self._clock = clock
        self._wall_clock = wall_clock
        self._lock = threading.Lock()
        self._flow = FlowHistory()
        self._history = history or ProblemHistory()
        self._links = LinkLog()

    def assess(self, snapshot: Snapshot) -> Snapshot:
        """Return the snapshot with its flows and problems, and log the problems that have begun or ended."""
        with self._lock:
            flow, now = self._flow.observe(snapshot, self._clock()), self._wall_clock()
            problems = self._history.update(find_problems(snapshot, flow, now), now)
            self._links.observe(snapshot.endpoints, self._clock())
        return replace(snapshot, flows=tuple(flow.streams.values()), problems=problems)
