"""Verdict, problems, links and backlog of `status`, as lines of text."""

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
from bridge.monitoring.problem_text import SEVERITY_WORDS, STATE_WORDS, details, named
from bridge.monitoring.problems import problem_from_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bridge.monitoring.problems import ActiveProblem

    Status = Mapping[str, Any]

_INDENT: Final = " " * 10
_MIN_CHARS: Final = 20


def verdict_line(status: Status, width: int | None = None) -> list[str]:
    """Return the state and the worst problem, at most `width` characters wide."""
    _, _, text = status["verdict"].partition(": ")
    return labelled(STATE_WORDS[status["state"]], text, width)


def problem_lines(status: Status, width: int | None = None, now: float | None = None) -> Iterator[str]:
    """Yield the active problems, each with its cause, what is safe, and what to do.

    Successive problems of one code with the same cause and advice share these lines: an endpoint that does not respond
    is a problem of each of its streams.
    """
    at = time.time() if now is None else now
    for _, same in groupby(map(problem_from_json, status["problems"]), _shared_lines):
        problems = list(same)
        for problem in problems:
            yield from labelled(SEVERITY_WORDS[problem.severity], named(problem), width)
        for label, text in details(_together(problems), at):
            lines = text.splitlines() or [""]
            yield from labelled("", f"{label}: {lines[0]}", width)
            for line in lines[1:]:
                yield from labelled("", f"  {line}", width)


def _shared_lines(problem: ActiveProblem) -> tuple[str, ...]:
    """Return what problems have in common that are shown together. Only those of streams have counts to add."""
    one_by_one = "" if problem.stream and problem.stage == "delivering" else repr(problem.key)
    return (problem.severity, problem.code, problem.cause, problem.advice, _own_safe(problem), one_by_one)


def _own_safe(problem: ActiveProblem) -> str:
    """Return the text on what is safe; "" if it only contains the counts of the problem, and can be composed again."""
    return "" if problem.safe == replace(problem, safe="").what_is_safe else problem.safe


def _together(problems: Sequence[ActiveProblem]) -> ActiveProblem:
    """Return one problem for the details of several: the longest duration, the sum of the records, the least room."""
    return replace(
        problems[0],
        safe=_own_safe(problems[0]),
        since=min(each.since for each in problems),
        attempts=max(each.attempts for each in problems),
        buffered_records=sum(each.buffered_records for each in problems),
        dropped_records=sum(each.dropped_records for each in problems),
        buffer_hours=min((each.buffer_hours for each in problems if each.buffer_hours is not None), default=None),
    )


def link_lines(status: Status, width: int | None = None) -> Iterator[str]:
    """Yield a line for each link to AWS."""
    for value in status["endpoints"]:
        _, _, text = link_text(EndpointStatus(**value)).partition(" ")
        yield from labelled("link", text, width)


def backlog_text(status: Status) -> str:
    """Return the number of buffered records, their age, and the time that their delivery needs."""
    count = sum(row["spooled"] for row in status["ledger"])
    if not count:
        return "buffer empty"
    oldest = max((stream["oldest_secs"] for stream in status["streams"]), default=0.0)
    drains = [flow["drain_secs"] for flow in status["flows"]]
    drain_secs = max((secs for secs in drains if secs is not None), default=None)
    rate = sum(flow["delivered_per_sec"] or 0.0 for flow in status["flows"])
    drained = "" if drain_secs is None else f"; drained in {estimate(drain_secs)} at {approximate(rate)} records/s"
    return f"{pluralize(count, 'record')} buffered (oldest {duration(oldest)}){drained}"


def labelled(label: str, text: str, width: int | None) -> list[str]:
    """Return the text after its label. A text longer than `width` is wrapped."""
    shown = printable(text)
    if width is None:
        return [f"{label:<10}{shown}"]
    lines = textwrap.wrap(shown, max(_MIN_CHARS, width - len(_INDENT)), break_on_hyphens=False) or [""]
    return [f"{label:<10}{lines[0]}", *(_INDENT + line for line in lines[1:])]
