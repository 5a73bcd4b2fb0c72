"""Endpoints of the recorded values: the curves of the page, the rates of mappings and streams, and the event log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import Response
from starlette.routing import Route

from bridge.monitoring.recording.curve_values import UNITS
from bridge.monitoring.recording.curves import RESOLUTIONS
from bridge.monitoring.recording.event import EVENT_KINDS
from bridge.monitoring.recording.event_list import EventList
from bridge.web.requests import RequestError, json

if TYPE_CHECKING:
    from starlette.requests import Request

    from bridge.monitoring.recording.curves import Range
    from bridge.monitoring.running_bridge import RunningBridge
    from bridge.web.access.guard import Guard
    from bridge.web.thread_slots import ThreadSlots

MAX_EVENTS: Final = 1_000
"""Maximum number of events in one response. The page shows 200."""
DEFAULT_EVENTS: Final = 200


class RecordingEndpoints:
    """Handlers of the recorded values."""

    def __init__(self, bridge: RunningBridge, threads: ThreadSlots) -> None:
        self._bridge = bridge
        self._threads = threads
        self._events = EventList()

    def routes(self, guard: Guard) -> list[Route]:
        """Return the routes."""
        return [
            Route("/api/history", guard.look(self.history)),
            Route("/api/curves", guard.look(self.curves)),
            Route("/api/curves.csv", guard.look(self.csv)),
            Route("/api/event-log", guard.look(self.event_log)),
        ]

    async def history(self, _request: Request) -> Response:
        """Serve GET /api/history: the rates of each mapping and stream in the last hour."""
        return json(await self._threads.run(self._bridge.curves.named_rates))

    async def curves(self, request: Request) -> Response:
        """Serve GET /api/curves?range=: rates, backlog, latency, link and process over `15m`, `1h` or `24h`."""
        value = await self._threads.run(self._bridge.curves.value, _range(request))
        return json({**value, "units": UNITS})

    async def csv(self, request: Request) -> Response:
        """Serve GET /api/curves.csv?range=: the data of /api/curves as a CSV file, with one line per point."""
        wanted = _range(request)
        text = await self._threads.run(self._bridge.curves.csv, wanted)
        disposition = {"Content-Disposition": f'attachment; filename="mqtt-kinesis-{wanted}.csv"'}
        return Response(text, media_type="text/csv", headers=disposition)

    async def event_log(self, request: Request) -> Response:
        """Serve GET /api/event-log?kind=&limit=: events of one kind or all kinds, of all workers, newest first."""
        kind = request.query_params.get("kind", "")
        if kind not in ("", *EVENT_KINDS):
            raise RequestError(400, f"unknown kind; expected one of {', '.join(EVENT_KINDS)}")
        limit = _limit(request.query_params.get("limit", str(DEFAULT_EVENTS)))
        logs = self._bridge.event_log()
        events = await self._threads.run(self._events.newest, logs, kind, limit)
        return json({"events": events, "kinds": EVENT_KINDS})


def _range(request: Request) -> Range:
    wanted = request.query_params.get("range", "15m")
    if wanted not in RESOLUTIONS:
        raise RequestError(400, f"unknown range; expected one of {', '.join(RESOLUTIONS)}")
    return wanted


def _limit(text: str) -> int:
    # `isdigit` also accepts digits that `int` rejects, and `int` takes quadratic time for a long text.
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(MAX_EVENTS)) else 0
    if not 1 <= number <= MAX_EVENTS:
        raise RequestError(400, f"limit: expected a number from 1 to {MAX_EVENTS:,}")
    return number
