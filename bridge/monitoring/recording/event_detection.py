"""Events that follow from the comparison of two snapshots: connections to the broker, and throttling by Kinesis."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.durations import pluralize
from bridge.monitoring.recording.event import Event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bridge.monitoring.snapshot import Snapshot

QUIET_SECS: Final = 60.0
"""The throttling of a stream has ended if no record was throttled for this number of seconds.

A shard near its limit throttles again and again for a short time, and this must not become many events.
"""
MAX_CONNECTION_EVENTS: Final = 12
"""Maximum number of connection events within CONNECTION_SECS.

A session that is lost every few seconds must not fill the event log.
"""
CONNECTION_SECS: Final = 600.0


@dataclass(slots=True)
class _Throttling:
    """Throttling of a stream: the times of the first and the last throttled record, and the number of records."""

    since: float
    last: float
    records: int


class EventDetector:
    """Detector of the events of one bridge. Not thread-safe. It needs a snapshot every few seconds.

    `unfinished` contains the events of the previous run whose problem or state had not ended, by key.
    """

    def __init__(self, unfinished: Mapping[tuple[str, ...], Event], now: float) -> None:
        # Number of throttled records of each stream in the last snapshot.
        self._throttled: dict[str, int] = {}
        # Throttling at the end of the previous run continues. If no more records are throttled, it ends after
        # QUIET_SECS.
        self._throttling = {
            each.stream: _Throttling(each.at, now, 0) for each in unfinished.values() if each.code == "throttled"
        }
        self._connections = 0
        self._disconnected_at: float | None = None
        self._recent: deque[float] = deque()

    def observe(self, snapshot: Snapshot, now: float) -> Iterator[Event]:
        """Yield the events since the last snapshot. `now` is in seconds since 1970."""
        yield from self._session(snapshot, now)
        for stream in snapshot.streams:
            yield from self._stream(stream.stream, stream.throttled, now)
        for name, each in list(self._throttling.items()):
            # If the clock was set back, `last` is in the future.
            if abs(now - each.last) >= QUIET_SECS:
                del self._throttling[name]
                yield _recovered(name, each, now)

    def _session(self, snapshot: Snapshot, now: float) -> Iterator[Event]:
        if not snapshot.connected:
            # Before the first connection, nothing was lost, so there is no event.
            if self._connections and self._disconnected_at is None and self._permitted(now):
                self._disconnected_at = now
                text = f"disconnected from {snapshot.broker}"
                yield Event(now, "disconnected", text, snapshot.session_problem, level="warning", stage="receiving")
        elif snapshot.connections > self._connections and self._permitted(now):
            more = snapshot.connections - self._connections
            repeated = f"; {more:,} connections since the last entry" if self._connections and more > 1 else ""
            away_secs = None if self._disconnected_at is None else max(0.0, now - self._disconnected_at)
            self._connections, self._disconnected_at = snapshot.connections, None
            detail = f"MQTT {snapshot.protocol}{repeated}"
            text = f"connected to {snapshot.broker}"
            yield Event(now, "connected", text, detail, lasted_secs=away_secs, stage="receiving")

    def _permitted(self, now: float) -> bool:
        """Return whether another connection event is permitted now. If it is, count it."""
        # If the clock was set back, the times are in the future, and would prevent events until the clock reaches them.
        while self._recent and abs(now - self._recent[0]) > CONNECTION_SECS:
            self._recent.popleft()
        permitted = len(self._recent) < MAX_CONNECTION_EVENTS
        if permitted:
            self._recent.append(now)
        return permitted

    def _stream(self, name: str, total: int, now: float) -> Iterator[Event]:
        more = total - self._throttled.get(name, 0)
        self._throttled[name] = total
        if more <= 0:
            return
        known = self._throttling.get(name)
        if known is None:
            self._throttling[name] = _Throttling(now, now, more)
            text = f"stream {name} is throttled"
            detail = "a shard limit of Kinesis is reached; the records stay in the spool and are sent again"
            yield Event(
                now, "throttled", text, detail, level="warning", code="throttled", stage="delivering", stream=name
            )
        else:
            known.last, known.records = now, known.records + more


def _recovered(name: str, throttling: _Throttling, now: float) -> Event:
    return Event(
        now,
        "recovered",
        f"stream {name} is no longer throttled",
        f"throttled: {pluralize(throttling.records, 'record')}" if throttling.records else "",
        lasted_secs=max(0.0, throttling.last - throttling.since),
        code="throttled",
        stage="delivering",
        stream=name,
    )
