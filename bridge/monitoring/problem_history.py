"""Since when there is a problem, and one log line when it begins and one when it has ended."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bridge.durations import duration
from bridge.monitoring.problem_text import named

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.monitoring.problems import ActiveProblem

log = logging.getLogger(__name__)

LOG_AFTER_SECS: Final = 5.0
"""Shorter problems are not logged here: a reconnect of a second has its lines where it happens."""
ABSENT_SECS: Final = 15.0
"""A problem that comes back within this time has not ended: a session that is lost every few seconds is one outage.
Snapshots of two threads may also be judged out of order, which must not end a problem."""


@dataclass(slots=True)
class _Entry:
    problem: ActiveProblem
    seen_at: float
    logged: bool = False


class ProblemHistory:
    """Problems by their key. Not thread-safe: its owner guards it."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, ...], _Entry] = {}

    def update(self, problems: Iterable[ActiveProblem], now: float) -> tuple[ActiveProblem, ...]:
        """Return the problems with `since` where it was unknown, and log what began and ended.

        `now`: seconds since 1970.
        """
        dated = tuple(self._dated(each, now) for each in problems)
        for key, entry in list(self._entries.items()):
            if now - entry.seen_at > ABSENT_SECS:
                del self._entries[key]
                _log_end(entry)
        return dated

    def _dated(self, problem: ActiveProblem, now: float) -> ActiveProblem:
        known = self._entries.get(problem.key)
        first = known.problem.since if known is not None else now
        # The earliest time wins: a rule that measures from the last reconnect would date a long outage to its last
        # attempt.
        dated = replace(problem, since=min(problem.since or now, first))
        entry = self._entries[problem.key] = _Entry(dated, now, known is not None and known.logged)
        if now - dated.since >= LOG_AFTER_SECS and not entry.logged:
            entry.logged = True
            _log_begin(dated)
        elif known is not None and known.logged and (known.problem.severity, dated.severity) == ("warning", "error"):
            _log_begin(dated)  # an outage that lasts is news once more
        return dated


def _log_begin(problem: ActiveProblem) -> None:
    level = logging.ERROR if problem.severity == "error" else logging.WARNING
    parts = [f"{named(problem)}: {problem.cause}" if problem.cause else named(problem), problem.what_is_safe]
    text = "; ".join(part for part in (*parts, f"to do: {problem.advice}") if part)
    log.log(level, "problem: %s", text, extra={"code": problem.code})


def _log_end(entry: _Entry) -> None:
    if entry.logged:
        problem = entry.problem
        lasted = duration(max(0.0, entry.seen_at - problem.since))
        log.info("problem ended after %s: %s", lasted, named(problem), extra={"code": problem.code})
