"""Texts about problems. `status`, the page, /readyz, the log and systemd all use these functions.

A text begins with the severity. It continues with the problem and where it is, when it began, its cause, the data that
is safe, and the remedy.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from bridge.durations import duration, estimate
from bridge.monitoring.problems import state_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.monitoring.problems import ActiveProblem, Severity, State

STATE_WORDS: Final[dict[State, str]] = {"ok": "OK", "degraded": "WARNING", "failing": "ERROR"}
SEVERITY_WORDS: Final[dict[Severity, str]] = {"warning": "WARNING", "error": "ERROR"}
HEALTHY: Final = "receiving, spooling and delivering"


def verdict(problems: Sequence[ActiveProblem]) -> str:
    """Return the state and the worst problem in one line.

    The line contains no duration, so that it changes only when the problems change.
    """
    word = STATE_WORDS[state_of(problems)]
    if not problems:
        return f"{word}: {HEALTHY}"
    worst, more = problems[0], len(problems) - 1
    others = f" (and {more} more problem{'' if more == 1 else 's'})" if more else ""
    return f"{word}: {summary_text(worst)}, since {since(worst.since)}{_because(worst)}{others}"


def headline(problem: ActiveProblem) -> str:
    """Return a problem in one line: severity, summary, beginning and cause."""
    return (
        f"{SEVERITY_WORDS[problem.severity]}: {summary_text(problem)}, since {since(problem.since)}{_because(problem)}"
    )


def details(problem: ActiveProblem, now: float) -> Iterator[tuple[str, str]]:
    """Yield (label, text) for each known fact about a problem. A text may have several lines.

    `now` is in seconds since 1970.
    """
    yield "since", f"{since(problem.since)}, for {duration(max(0.0, now - problem.since))}{_attempts(problem)}"
    if problem.cause:
        yield "cause", problem.cause
    if problem.what_is_safe:
        yield "safe", problem.what_is_safe
    if problem.buffer_hours is not None:
        yield "buffer", f"room for {estimate(problem.buffer_hours * 3_600)} at the present rate"
    if problem.advice:
        yield "to do", problem.advice


def summary_text(problem: ActiveProblem) -> str:
    """Return the summary of a problem. If only some workers have the problem, their names precede the summary."""
    return f"{problem.worker}: {problem.summary}" if problem.worker else problem.summary


def since(epoch_secs: float) -> str:
    """Return a time in seconds since 1970 as text, such as `2026-01-31 14:02:11 UTC`."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(epoch_secs))


def _attempts(problem: ActiveProblem) -> str:
    count = problem.attempts
    return f"; {count:,} failed attempt{'' if count == 1 else 's'} in a row" if count else ""


def _because(problem: ActiveProblem) -> str:
    first, *more = problem.cause.splitlines() or [""]
    return f": {first}{' …' if more else ''}" if first else ""
