"""Events of a bridge and all of its workers as one list for the page, newest first."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from bridge.monitoring.recording.event_log import EventReader, unfinished_events

if TYPE_CHECKING:
    from bridge.monitoring.recording.event import Event
    from bridge.monitoring.recording.event_log import EventLogs

SAME_SECS: Final = 15.0
"""Equal events of several workers within this time are shown as one event.

For example, all workers reload the same files after a change.
"""


class EventList:
    """Reader of the event logs for the page. Any thread may call it."""

    def __init__(self) -> None:
        self._reader = EventReader()
        self._reading = threading.Lock()

    def newest(self, logs: EventLogs, kind: str, limit: int) -> list[dict[str, Any]]:
        """Return at most `limit` events of one kind ("" for all kinds) as JSON types, newest first.

        The field `ongoing` is true if the problem or state that the event began has not ended.
        """
        events, ongoing = self._all(logs)
        shown = [each for each in _joined(events) if kind in ("", each[0].kind)]
        return [
            {**joined[0].to_json(), "ongoing": any((each.at, each.key) in ongoing for each in joined[1:])}
            for joined in reversed(shown[-limit:])
        ]

    def _all(self, logs: EventLogs) -> tuple[list[Event], set[tuple[float, tuple[str, ...]]]]:
        """Return all events in the order of time, and (`at`, key) of the beginnings without an end."""
        found: list[Event] = []
        ongoing = set()
        with self._reading:
            for worker, folder in logs.folders.items():
                events = [*self._reader.events(folder), *([] if worker else logs.waiting)]
                named = [replace(each, worker=each.worker or worker) for each in events]
                found += named
                ongoing |= {(each.at, each.key) for each in unfinished_events(named).values()}
        return sorted(found, key=lambda each: each.at), ongoing


def _joined(events: list[Event]) -> list[list[Event]]:
    """Join equal events of several workers.

    Each list in the result begins with the event to show, which contains the names of all its workers. The other items
    of the list are the events that were joined.
    """
    joined: list[list[Event]] = []
    # The newest list for each combination of kind, text and detail.
    newest: dict[tuple[str, ...], list[Event]] = {}
    for event in events:
        content = (event.kind, event.text, event.detail)
        known = newest.get(content)
        if known and event.at - known[0].at <= SAME_SECS and event.worker not in {each.worker for each in known[1:]}:
            known.append(event)
            names = sorted(each.worker for each in known[1:])
            # An event of the supervisor has no worker name. It concerns the entire bridge.
            known[0] = replace(known[0], worker=", ".join(names) if all(names) else "")
        else:
            newest[content] = [event, event]
            joined.append(newest[content])
    return joined
