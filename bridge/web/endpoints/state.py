"""Endpoints of the bridge's state: the status, and the topics that mappings match."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from bridge import __version__
from bridge.monitoring.buffer_time import outage_hours
from bridge.web.requests import json

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from bridge.ingest.topic_coverage import MappingActivity
    from bridge.mapping.mapping import Mapping
    from bridge.monitoring.running_bridge import RunningBridge
    from bridge.web.access.guard import Guard
    from bridge.web.thread_slots import ThreadSlots


class StateEndpoints:
    """Handlers of the state."""

    def __init__(self, bridge: RunningBridge, threads: ThreadSlots) -> None:
        self._bridge = bridge
        self._threads = threads

    def routes(self, guard: Guard) -> list[Route]:
        """Return the routes."""
        return [
            Route("/api/status", guard.look(self.status)),
            Route("/api/coverage", guard.look(self.coverage)),
        ]

    def value(self) -> dict[str, Any]:
        """Return the complete state, for the first page load and for the event each second."""
        snapshot = self._bridge.snapshot()
        summary = snapshot.summary_json()
        # The event each second does not contain the dead letters, because the view of dead letters requests them.
        del summary["dead_letters"]
        coverage = {each.name: each for each in snapshot.coverage.mappings}
        return {
            **summary,
            "version": __version__,
            "now_ms": time.time_ns() // 1_000_000,
            "up_secs": time.time() - snapshot.started_at,
            "mappings": [
                _summary(mapping, coverage.get(mapping.name)) for mapping in self._bridge.mappings.routes.mappings
            ],
            "unmatched_topics": len(snapshot.coverage.topics),
            "outage_hours": outage_hours(snapshot),
        }

    async def status(self, _request: Request) -> Response:
        """Serve GET /api/status: the complete state."""
        return json(await self._threads.run(self.value))

    async def coverage(self, _request: Request) -> Response:
        """Serve GET /api/coverage: matched and unmatched topics, and the activity of each mapping."""
        snapshot = await self._threads.run(self._bridge.snapshot)
        return json(snapshot.coverage.value())


def _summary(mapping: Mapping, coverage: MappingActivity | None) -> dict[str, Any]:
    """Return a mapping as an item of a list.

    `messages` counts since the start of the bridge. `last_ms` is the time of the last message in ms since 1970, or 0.
    """
    streams = [output.data_stream for output in mapping.outputs]
    shown = {"name": mapping.name, "topic": mapping.pattern.text, "streams": streams}
    seen = {name: getattr(coverage, name, 0) for name in ("messages", "last_ms", "silent_ms")}
    return {**shown, "tests": len(mapping.specification.tests), **seen}
