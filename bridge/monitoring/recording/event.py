"""One event of a bridge: what happened, when, and for how long it lasted."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import orjson

from bridge.files import shown_name
from bridge.monitoring.problems import problem_key

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
# Kinds of events that begin something. The end is a later event of the kind "recovered".
_BEGINNINGS: Final = ("problem", "conflict", "throttled")
MAX_TEXT_CHARS: Final = 500
"""Maximum length of a text in the log. The error in a mapping file can have many lines."""
Level = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Event:
    """One event. Times are in seconds since 1970.

    at           time of the event
    since        beginning of the problem, which may be earlier than its detection (`at`), or None for other events
    lasted_secs  duration of the problem or state that has ended, or None if the event is not an end
    code, stage, stream, mapping
                 fields of the problem (see `ActiveProblem`)
    worker       name of a worker of `run --workers`, or "" for the bridge itself
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
        """Key of the problem or state. The events of its beginning and of its end have the same key."""
        return problem_key(self.code, self.stream, self.mapping, self.worker)

    @property
    def begins(self) -> bool:
        """True if the event is the beginning of a problem or state, whose end will be another event."""
        return self.kind in _BEGINNINGS

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON types. Empty fields are omitted."""
        return {name: value for name, value in asdict(self).items() if value not in ("", None)}

    def line(self) -> bytes:
        """Return the event as a line of the event log. Long texts are shortened."""
        short = replace(self, text=_cut(self.text), detail=_cut(self.detail))
        return orjson.dumps(short.to_json()) + b"\n"


def parse_event(line: bytes) -> Event | None:
    """Return the event of a line, or None if the line is incomplete or contains something else."""
    try:
        value = orjson.loads(line)
        known = {name: value[name] for name in _NAMES if name in value}
        event = Event(**known)
        # A later version of the bridge may have written a kind that this version does not know. The types are checked
        # too: events are sorted by their times and found by their keys, which must not fail at the start of the bridge.
        valid = event.kind in EVENT_KINDS and all(
            isinstance(getattr(event, name), types) for name, types in _TYPES.items()
        )
        valid = valid and all(0 <= each <= _LAST_SECS for each in (event.at, event.since or 0.0))
    # After a power failure, the last line may be incomplete.
    except (ValueError, TypeError, KeyError):
        return None
    return event if valid else None


def beginning_event(problem: ActiveProblem, at: float) -> Event:
    """Return the event for the beginning of a problem, or for a warning that has become an error."""
    kind: EventKind = "conflict" if problem.code == "client-id-conflict" else "problem"
    return replace(_of(problem, at, kind), detail=problem.cause, level=problem.severity, since=problem.since)


def end_event(problem: ActiveProblem, at: float, lasted_secs: float) -> Event:
    """Return the event for the end of a problem."""
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
    # A text may contain a file's name that is not UTF-8. JSON cannot represent it, and the event log would stop.
    text = shown_name(text)
    return text if len(text) <= MAX_TEXT_CHARS else f"{text[:MAX_TEXT_CHARS]} …"


_NAMES: Final = tuple(each.name for each in fields(Event))
# End of the year 9999. A later time, or one before 1970, could not be shown.
_LAST_SECS: Final = 253_402_300_799
_TIMES: Final = {"at": (float, int), **dict.fromkeys(("since", "lasted_secs"), (float, int, NoneType))}
_TYPES: Final = {**dict.fromkeys(_NAMES, (str,)), **_TIMES}
