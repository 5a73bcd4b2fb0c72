"""History of the problems: when each problem began. The beginning and the end are logged and become events."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from bridge.durations import duration
from bridge.monitoring.problem_kinds import KINDS
from bridge.monitoring.problem_text import summary_text
from bridge.monitoring.recording.event import beginning_event, end_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bridge.monitoring.problems import ActiveProblem
    from bridge.monitoring.recording.event import Event

log = logging.getLogger(__name__)

LOG_AFTER_SECS: Final = 5.0
"""Minimum duration of a problem that is logged. The MQTT session itself logs shorter interruptions."""
ABSENT_SECS: Final = 15.0
"""Seconds after which a problem that is no longer found has ended.

If it is found again within this time, it has not ended. So a session that is lost every few seconds is one long
problem. Also, two threads take snapshots, and an older snapshot that arrives late must not end a problem.
"""
RESUME_SECS: Final = 90.0
"""A problem of the previous run continues if it is found again within this number of seconds after the start.

Some rules find a problem only after 30 s without progress, and measure this time from the first session of the run.
"""


@dataclass(slots=True)
class _SeenProblem:
    problem: ActiveProblem
    seen_at: float
    logged: bool = False


class ProblemHistory:
    """Active problems, by their key. Not thread-safe: the owner of the object protects it.

    The history calls `record` with each event, and this function must not block. `unfinished` contains the events of
    the problems that were active when the previous run ended, by key.
    """

    def __init__(
        self,
        record: Callable[[Event], None] = lambda _event: None,
        unfinished: Mapping[tuple[str, ...], Event] = MappingProxyType({}),
    ) -> None:
        self._entries: dict[tuple[str, ...], _SeenProblem] = {}
        self._record = record
        # The event log of an older version may contain problem codes that no longer exist.
        self._unfinished = {key: each for key, each in unfinished.items() if each.code in KINDS}
        self._resume_until: float | None = None

    def update(self, problems: Iterable[ActiveProblem], now: float) -> tuple[ActiveProblem, ...]:
        """Return the problems with the time at which each began, and log the beginnings and ends.

        `now` is in seconds since 1970.
        """
        dated = tuple(self._dated(each, now) for each in problems)
        self._end_unfinished(now)
        for key, entry in list(self._entries.items()):
            # If the clock was set back, `seen_at` is in the future.
            if abs(now - entry.seen_at) > ABSENT_SECS:
                del self._entries[key]
                self._end(entry, now)
        return dated

    def _end_unfinished(self, now: float) -> None:
        """Record the end of the problems of the previous run that were not found again within RESUME_SECS."""
        if self._resume_until is None:
            self._resume_until = now + RESUME_SECS
        if self._unfinished and now > self._resume_until:
            started = self._resume_until - RESUME_SECS
            for event in self._unfinished.values():
                began = event.at if event.since is None else event.since
                detail = "it ended while the bridge was down, or at its start"
                lasted = max(0.0, started - began)
                self._record(replace(event, at=now, kind="recovered", detail=detail, lasted_secs=lasted, level="info"))
            self._unfinished = {}

    def _dated(self, problem: ActiveProblem, now: float) -> ActiveProblem:
        """Store the problem, log its beginning after LOG_AFTER_SECS, and return it with `since`."""
        known = self._entries.get(problem.key)
        # A problem of the previous run that is found again continues. The event log already contains its beginning.
        resumed = self._unfinished.pop(problem.key, None) if known is None else None
        first = known.problem.since if known is not None else now
        if resumed is not None:
            first = min(now, resumed.at if resumed.since is None else resumed.since)
        # A rule may know only the last attempt of a long outage. So the earliest known time is the beginning.
        dated = replace(problem, since=min(problem.since or now, first))
        entry = self._entries[problem.key] = _SeenProblem(dated, now, known is not None and known.logged)
        if now - dated.since >= LOG_AFTER_SECS and not entry.logged:
            entry.logged = True
            _log_begin(dated)
            if resumed is None:
                self._record(beginning_event(dated, now))
        elif known is not None and known.logged and (known.problem.severity, dated.severity) == ("warning", "error"):
            # A warning that has become an error is logged again.
            _log_begin(dated)
            self._record(beginning_event(dated, now))
        return dated

    def _end(self, entry: _SeenProblem, now: float) -> None:
        if entry.logged:
            # The problem lasted until it was last seen. `now` is more than ABSENT_SECS later.
            lasted = max(0.0, entry.seen_at - entry.problem.since)
            _log_end(entry.problem, lasted)
            self._record(end_event(entry.problem, now, lasted))


def _log_begin(problem: ActiveProblem) -> None:
    level = logging.ERROR if problem.severity == "error" else logging.WARNING
    facts = (("safe", problem.what_is_safe.removesuffix(".")), ("to do", problem.advice))
    what = f"{summary_text(problem)}: {problem.cause}" if problem.cause else summary_text(problem)
    text = "; ".join([what, *(f"{label}: {text}" for label, text in facts if text)])
    log.log(level, "problem: %s", text, extra={"code": problem.code})


def _log_end(problem: ActiveProblem, lasted: float) -> None:
    log.info("problem ended after %s: %s", duration(lasted), summary_text(problem), extra={"code": problem.code})
