"""Active problems: their fields, and the state of the bridge that follows from them.

    ok        no active problem
    degraded  at least one warning: data flows, but something needs attention
    failing   at least one error: some data does not flow, or the accounting is wrong

Only `problem_rules.py` decides what a problem is. All outputs use its result: `status` and its exit code, the page,
/readyz, /metrics, the log and the status text of systemd.
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
"""Stages in the order of the data path. Problems with the same severity are shown in this order."""


@dataclass(frozen=True, slots=True)
class ActiveProblem:
    """One active problem.

    summary           what the problem is, and where: the broker, the stream or the mapping
    cause             error message, or another text that explains the problem
    advice            remedy
    since             beginning, in seconds since 1970
    attempts          number of consecutive failed attempts to connect or to send, or 0 if nothing is attempted
    safe              data that is not lost; "" at the stage `delivering`, where `what_is_safe` composes the text
    buffered_records  number of records of the stream on disk that are not delivered
    dropped_records   number of records of the stream that were dropped in the last hour
    buffer_hours      hours until the spool is full at the current rates; None if this never happens, or is unknown
    worker            name of the worker that has the problem; "" if there are no workers, or if all have the problem
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
        """Key of the problem. The same problem has the same key in every snapshot."""
        return problem_key(self.code, self.stream, self.mapping, self.worker)

    @property
    def what_is_safe(self) -> str:
        """Text about the data that is safe although this problem exists."""
        if self.safe or self.stage != "delivering":
            return self.safe
        lost = f"{self.dropped_records:,} dropped" if self.dropped_records else "none lost"
        return f"{pluralize(self.buffered_records, 'record')} buffered on disk; {lost}"

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON types. `safe` is the text of `what_is_safe`."""
        return {**asdict(self), "safe": self.what_is_safe}


def problem_key(code: str, stream: str, mapping: str, worker: str) -> tuple[str, ...]:
    """Return the key of a problem. The events of its beginning and of its end have the same key."""
    return (code, stream, mapping, worker)


def state_of(problems: Iterable[ActiveProblem]) -> State:
    """Return the state of a bridge with these active problems."""
    severities = {each.severity for each in problems}
    return "failing" if "error" in severities else "degraded" if severities else "ok"


def sort_problems(problems: Iterable[ActiveProblem]) -> tuple[ActiveProblem, ...]:
    """Return the errors, then the warnings, both in the order of the data path."""
    return tuple(sorted(problems, key=lambda each: (each.severity != "error", STAGES.index(each.stage), each.key)))


def merge_problems(named: Sequence[tuple[str, Sequence[ActiveProblem]]]) -> tuple[ActiveProblem, ...]:
    """Merge the problems of several workers, given as (name, problems), into the problems of one bridge.

    If several workers have the same problem, it becomes one problem with the sums of the counts, the earliest beginning
    and the shortest buffer time. A problem that only some workers have contains the names of these workers.
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
    """Return the common cause, or the cause of each worker after its name."""
    causes = Counter(problem.cause for _, problem in group)
    if len(causes) == 1:
        return group[0][1].cause
    return "; ".join(f"{name}: {problem.cause}" for name, problem in group)


def problem_from_json(value: Mapping[str, Any]) -> ActiveProblem:
    """Return the problem that `to_json` or `asdict` has converted. Raise TypeError for any other value."""
    return ActiveProblem(**value)
