"""Active problems: their fields, and the state of the bridge that follows from them.

    ok        no active problem
    degraded  at least one warning: data flows, but something needs attention
    failing   at least one error: some data does not flow, or the accounting is wrong

`problem_rules.py` finds the problems. All outputs show this result and have no rules of their own: `status` and its
exit code, the page, /readyz, /metrics, the log and the STATUS line of systemd.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from bridge.durations import pluralize

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Severity = Literal["warning", "error"]
State = Literal["ok", "degraded", "failing"]
Stage = Literal["receiving", "mapping", "spooling", "delivering", "running"]
ProblemCode = Literal[
    "not-connected",
    "not-subscribed",
    "client-id-conflict",
    "session-unstable",
    "qos-lowered",
    "session-expiry-lowered",
    "session-lost",
    "shared-subscription-unverified",
    "mapping-failing",
    "mapping-rejects",
    "poison-messages",
    "spool-full",
    "spool-write-error",
    "spool-damaged",
    "records-dropped",
    "dead-letters-evicted",
    "ledger-mismatch",
    "stream-refused",
    "stream-stalled",
    "stream-falling-behind",
    "stream-format-unknown",
    "hot-key",
    "thread-stalled",
    "worker-down",
    "page-not-served",
]

STAGES: Final[tuple[Stage, ...]] = ("receiving", "mapping", "spooling", "delivering", "running")
"""Stages in the order of the data path.

Of two problems of one severity, the one of the earlier stage is shown first.
"""


@dataclass(frozen=True, slots=True)
class ActiveProblem:
    """One active problem.

    `summary` says what the problem is and where, `cause` is the error text or host, and `advice` is the remedy. `since`
    is in seconds since 1970. `attempts` is the number of consecutive failed attempts, 0 if nothing is attempted. `safe`
    names the data that is not lost; if it is empty and the stage is `delivering`, `what_is_safe` composes it from the
    counts. `buffered_records` are on disk and not delivered, `dropped_records` were dropped recently. `buffer_hours`
    are the hours until the spool is full at the current inflow, None if unknown. `worker` names the worker of `run
    --workers`; it is "" in one process, or if all workers have the problem.
    """

    code: ProblemCode
    severity: Severity
    stage: Stage
    summary: str
    cause: str
    advice: str
    since: float = 0.0
    attempts: int = 0
    safe: str = ""
    buffered_records: int = 0
    dropped_records: int = 0
    buffer_hours: float | None = None
    stream: str = ""
    mapping: str = ""
    worker: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """Key that identifies the problem while it lasts."""
        return identity(self.code, self.stream, self.mapping, self.worker)

    @property
    def what_is_safe(self) -> str:
        """Data that this problem does not put at risk, in words."""
        if self.safe or self.stage != "delivering":
            return self.safe
        lost = f"{self.dropped_records:,} dropped" if self.dropped_records else "none lost"
        return f"{pluralize(self.buffered_records, 'record')} buffered on disk; {lost}"

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON types, with `safe` in words."""
        return {**asdict(self), "safe": self.what_is_safe}


def identity(code: str, stream: str, mapping: str, worker: str) -> tuple[str, ...]:
    """Return the key of a problem, and of the events of its beginning and end."""
    return (code, stream, mapping, worker)


def state_of(problems: Iterable[ActiveProblem]) -> State:
    """Return the state that follows from the active problems."""
    severities = {each.severity for each in problems}
    return "failing" if "error" in severities else "degraded" if severities else "ok"


def sort_problems(problems: Iterable[ActiveProblem]) -> tuple[ActiveProblem, ...]:
    """Return errors before warnings, and each in the order of the data path."""
    return tuple(sorted(problems, key=lambda each: (each.severity != "error", STAGES.index(each.stage), each.key)))


def merge_problems(named: Sequence[tuple[str, Sequence[ActiveProblem]]]) -> tuple[ActiveProblem, ...]:
    """Return the problems of several workers, given with their names, as problems of one bridge.

    The same problem of several workers becomes one problem. Its numbers are added, and the shortest buffer time counts.
    If only some workers have a problem, it contains their names.
    """
    groups: defaultdict[tuple[str, ...], list[tuple[str, ActiveProblem]]] = defaultdict(list)
    for name, problems in named:
        for each in problems:
            groups[each.key].append((name, each))
    return sort_problems(_merged(group, everyone=len(group) == len(named) > 1) for group in groups.values())


def _merged(group: Sequence[tuple[str, ActiveProblem]], *, everyone: bool) -> ActiveProblem:
    problems = [problem for _, problem in group]
    worst = sort_problems(problems)[0]
    hours = [each.buffer_hours for each in problems if each.buffer_hours is not None]
    return replace(
        worst,
        cause=_causes(group),
        since=min(each.since for each in problems),
        attempts=sum(each.attempts for each in problems),
        buffered_records=sum(each.buffered_records for each in problems),
        dropped_records=sum(each.dropped_records for each in problems),
        buffer_hours=min(hours, default=None),
        worker="" if everyone else ", ".join(name for name, _ in group),
    )


def _causes(group: Sequence[tuple[str, ActiveProblem]]) -> str:
    """Return the cause, with the workers' names if their causes differ."""
    causes = Counter(problem.cause for _, problem in group)
    if len(causes) == 1:
        return group[0][1].cause
    return "; ".join(f"{name}: {problem.cause}" for name, problem in group)


def problem_from_json(value: Mapping[str, Any]) -> ActiveProblem:
    """Return the problem from a result of `to_json` or `asdict`. Raises TypeError for any other value."""
    return ActiveProblem(**value)
