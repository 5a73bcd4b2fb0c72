"""Lines of `status` about the state of the bridge, its problems, its links to AWS and its backlog."""

from __future__ import annotations

import textwrap
import time
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from bridge.cli.output.formatting import approximate, duration, estimate, pluralize
from bridge.delivery.endpoint_status import EndpointStatus
from bridge.mapping.rendering import printable
from bridge.monitoring.link_log import link_text
from bridge.monitoring.problem_text import SEVERITY_WORDS, STATE_WORDS, details, summary_text
from bridge.monitoring.problems import problem_from_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bridge.monitoring.problems import ActiveProblem

    Status = Mapping[str, Any]

_INDENT: Final = " " * 10
# Minimum width of the text beside its label. On a narrower terminal, the terminal itself wraps the lines.
_MIN_CHARS: Final = 20


def verdict_line(status: Status, width: int | None = None) -> list[str]:
    """Return lines with the state and the worst problem, at most `width` characters wide."""
    # Remove the state from the verdict (`STATE: TEXT`), because the state is the label of the line.
    _, _, text = status["verdict"].partition(": ")
    return labelled(STATE_WORDS[status["state"]], text, width)


def problem_lines(status: Status, width: int | None = None, now: float | None = None) -> Iterator[str]:
    """Yield a headline for each active problem, and below it the cause, the data that is safe, and the remedy.

    If an endpoint does not respond, each of its streams has the same problem. Such problems have one headline each, but
    share the lines below. `now` is in seconds since 1970. If it is None, the current time is used.
    """
    at = time.time() if now is None else now
    for _, same in groupby(map(problem_from_json, status["problems"]), _shared_lines):
        problems = list(same)
        for problem in problems:
            yield from labelled(SEVERITY_WORDS[problem.severity], summary_text(problem), width)
        for label, text in details(_together(problems), at):
            lines = text.splitlines() or [""]
            yield from labelled("", f"{label}: {lines[0]}", width)
            for line in lines[1:]:
                yield from labelled("", f"  {line}", width)


def _shared_lines(problem: ActiveProblem) -> tuple[str, ...]:
    """Return the key of a problem. Successive problems with an equal key share the lines below their headlines.

    Only problems of streams are shown together, because only their counts can be added. The key of any other problem is
    unique.
    """
    unique = "" if problem.stream and problem.stage == "delivering" else repr(problem.key)
    return (problem.severity, problem.code, problem.cause, problem.advice, _fixed_safe(problem), unique)


def _fixed_safe(problem: ActiveProblem) -> str:
    """Return the text on the data that is safe, or "" if this text contains counts of the problem.

    If several problems are shown together, the text is composed again, from the sums of their counts.
    """
    return "" if problem.safe == replace(problem, safe="").what_is_safe else problem.safe


def _together(problems: Sequence[ActiveProblem]) -> ActiveProblem:
    """Combine several problems into one: earliest start, sums of the record counts, shortest buffer time."""
    return replace(
        problems[0],
        safe=_fixed_safe(problems[0]),
        since=min(each.since for each in problems),
        attempts=max(each.attempts for each in problems),
        buffered_records=sum(each.buffered_records for each in problems),
        dropped_records=sum(each.dropped_records for each in problems),
        buffer_hours=min((each.buffer_hours for each in problems if each.buffer_hours is not None), default=None),
    )


def link_lines(status: Status, width: int | None = None) -> Iterator[str]:
    """Yield a line for each link to AWS."""
    for value in status["endpoints"]:
        # Remove the first word "link" from the text, because it is the label of the line.
        _, _, text = link_text(EndpointStatus(**value)).partition(" ")
        yield from labelled("link", text, width)


def backlog_text(status: Status) -> str:
    """Return a text with the number of buffered records, the age of the oldest record, and the time to deliver all."""
    count = sum(row["spooled"] for row in status["ledger"])
    if not count:
        return "buffer empty"
    oldest = max((stream["oldest_secs"] for stream in status["streams"]), default=0.0)
    # All streams are drained at the same time, so the slowest stream determines the time.
    drains = [flow["drain_secs"] for flow in status["flows"]]
    drain_secs = max((secs for secs in drains if secs is not None), default=None)
    rate = sum(flow["delivered_per_sec"] or 0.0 for flow in status["flows"])
    drained = "" if drain_secs is None else f"; drained in {estimate(drain_secs)} at {approximate(rate)} records/s"
    return f"{pluralize(count, 'record')} buffered (oldest {duration(oldest)}){drained}"


def labelled(label: str, text: str, width: int | None) -> list[str]:
    """Return a line with the label and the text. If the line is longer than `width`, wrap the text."""
    shown = printable(text)
    if width is None:
        return [f"{label:<10}{shown}"]
    lines = textwrap.wrap(shown, max(_MIN_CHARS, width - len(_INDENT)), break_on_hyphens=False) or [""]
    return [f"{label:<10}{lines[0]}", *(_INDENT + line for line in lines[1:])]
