"""Endpoints of the event streams: the state each second, and a sample of the messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from bridge.web.events import MAX_LISTENERS, OUTCOMES, MessageFilter, MessageTap, StateBroadcast, messages, states
from bridge.web.requests import RequestError, json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from typing import Any

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from bridge.monitoring.running_bridge import RunningBridge
    from bridge.web.access.guard import Guard
    from bridge.web.thread_slots import ThreadSlots

MAX_BUSY_TOPICS: Final = 20


class LiveEndpoints:
    """Handlers of the event streams, which end when `stopping()` is true. `state` returns the complete state."""

    def __init__(
        self,
        bridge: RunningBridge,
        state: Callable[[], dict[str, Any]],
        stopping: Callable[[], bool],
        threads: ThreadSlots,
    ) -> None:
        self._bridge = bridge
        self._threads = threads
        self._state = StateBroadcast(state)
        self._tap = MessageTap(bridge)
        self._stopping = stopping
        self._listeners = 0

    def routes(self, guard: Guard) -> list[Route]:
        """Return the routes."""
        return [
            Route("/api/events", guard.look(self.events)),
            Route("/api/messages", guard.look(self.messages)),
            Route("/api/busy-topics", guard.look(self.busy_topics)),
        ]

    async def events(self, _request: Request) -> Response:
        """Serve GET /api/events: the state each second, as an event stream."""
        return self._stream(states(self._state, self._tap, self._stopping))

    async def messages(self, request: Request) -> Response:
        """Serve GET /api/messages?topic=&mapping=&text=&outcome=: an event stream with a sample of the messages.

        It begins with recent messages, if the page was open when they arrived. The parameters select messages by
        mapping, by outcome, and by text in the topic (`topic`) or the payload (`text`).
        """
        asked = request.query_params
        wanted = MessageFilter(*(asked.get(name, "") for name in ("topic", "mapping", "text", "outcome")))
        if wanted.outcome not in ("", *OUTCOMES):
            raise RequestError(400, f"outcome: expected one of {', '.join(OUTCOMES)}")
        return self._stream(messages(self._tap, wanted, self._stopping, self._threads))

    async def busy_topics(self, _request: Request) -> Response:
        """Serve GET /api/busy-topics: the topics with the most messages, in a sample since the page was opened.

        Without an open page nothing is sampled, and the list is empty.
        """
        sample, routes = self._tap.sample, self._bridge.mappings.routes
        topics = []
        # Find the mappings here and not with each sampled message, so that sampling stays cheap for the ingest thread.
        for each in sample.busiest(MAX_BUSY_TOPICS):
            mappings = [target.mapping.name for target in routes.match(each.topic.encode()).targets]
            topics.append({**each._asdict(), "mappings": mappings})
        return json({"since_ms": sample.since_ms, "topics": topics})

    def _stream(self, events: AsyncIterator[bytes]) -> Response:
        if self._listeners >= MAX_LISTENERS:
            raise RequestError(503, f"too many listeners (at most {MAX_LISTENERS})")
        # Count the listener now, and not later with its first event. Otherwise, other requests could exceed the limit.
        self._listeners += 1
        return EventStream(events, self._listener_left)

    def _listener_left(self) -> None:
        self._listeners -= 1


class EventStream(StreamingResponse):
    """Response that sends events until the client disconnects, and then calls `on_end`."""

    def __init__(self, events: AsyncIterator[bytes], on_end: Callable[[], None]) -> None:
        super().__init__(events, media_type="text/event-stream")
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._on_end()
