"""One event of a bridge, for people: its kind, its time and its duration."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import orjson

from bridge.monitoring.problems import identity

if TYPE_CHECKING:
    from bridge.monitoring.problems import ActiveProblem

EventKind = Literal[
    "started",
    "stopped",
    "connected",
    "disconnected",
    "reload",
    "problem",
    "conflict",
    "throttled",
    "recovered",
]
EVENT_KINDS: Final = get_args(EventKind)
_BEGINNINGS: Final = ("problem", "conflict", "throttled")
MAX_TEXT_CHARS: Final = 500
"""Maximum characters of a text, because an error of a mapping file can have many lines."""
Level = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    `at` and `since` are seconds since 1970; `since` is the beginning of a problem that was detected later.

    `level` is the severity of the problem, and "info" for all other events. `lasted_secs` is the duration if the event
    is an end, and None if it is a beginning. `code`, `stage`, `stream` and `mapping` describe the problem. `worker`
    names a worker of `run --workers`.
    """

    at: float
    kind: EventKind
    text: str
    detail: str = ""
    level: Level = "info"
    since: float | None = None
    lasted_secs: float | None = None
    code: str = ""
    stage: str = ""
    stream: str = ""
    mapping: str = ""
    worker: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """Key of the problem or state that begins or ends. With it, a run finds the problems of the previous run."""
        return identity(self.code, self.stream, self.mapping, self.worker)

    @property
    def begins(self) -> bool:
        """True if this event is a beginning whose end will be a later event."""
        return self.kind in _BEGINNINGS

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON, without empty ones."""
        return {name: value for name, value in asdict(self).items() if value not in ("", None)}

    def line(self) -> bytes:
        """Return the event as a line of the file."""
        short = replace(self, text=_cut(self.text), detail=_cut(self.detail))
        return orjson.dumps(short.to_json()) + b"\n"


def parsed(line: bytes) -> Event | None:
    """Return the event of a line, or None for a line that is incomplete or was not written by a bridge."""
    try:
        value = orjson.loads(line)
        known = {name: value[name] for name in _NAMES if name in value}
        event = Event(**known)
        # A later version may write further kinds.
        valid = event.kind in EVENT_KINDS and float(event.at) and isinstance(event.text, str)
    # A power failure can cut the last line, and a later version can write other fields.
    except (ValueError, TypeError, KeyError):
        return None
    return event if valid else None


def begin_of(problem: ActiveProblem, at: float) -> Event:
    """Return the event of a problem that has begun, or has become an error."""
    kind: EventKind = "conflict" if problem.code == "client-id-conflict" else "problem"
    return replace(_of(problem, at, kind), detail=problem.cause, level=problem.severity, since=problem.since)


def end_of(problem: ActiveProblem, at: float, lasted_secs: float) -> Event:
    """Return the event of a problem that has ended."""
    return replace(_of(problem, at, "recovered"), lasted_secs=lasted_secs)


def _of(problem: ActiveProblem, at: float, kind: EventKind) -> Event:
    return Event(
        at,
        kind,
        problem.summary,
        code=problem.code,
        stage=problem.stage,
        stream=problem.stream,
        mapping=problem.mapping,
        worker=problem.worker,
    )


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT_CHARS else f"{text[:MAX_TEXT_CHARS]} …"


_NAMES: Final = tuple(each.name for each in fields(Event))
