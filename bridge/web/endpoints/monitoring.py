"""Endpoints for monitoring systems: health checks and metrics."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from bridge.monitoring.health import health, readiness
from bridge.monitoring.prometheus import CONTENT_TYPE, metrics_text
from bridge.web.requests import json

if TYPE_CHECKING:
    from starlette.requests import Request

    from bridge.monitoring.running_bridge import RunningBridge
    from bridge.web.access.guard import Guard
    from bridge.web.thread_slots import ThreadSlots


class MonitoringEndpoints:
    """Handlers of the health checks and the metrics."""

    def __init__(self, bridge: RunningBridge, guard: Guard, threads: ThreadSlots) -> None:
        self._bridge = bridge
        self._guard = guard
        self._threads = threads

    def routes(self, guard: Guard) -> list[Route]:
        """Return the routes."""
        # Health checks need no token, because orchestrators cannot send one. They show only whether the bridge works.
        return [
            Route("/healthz", self.healthz),
            Route("/readyz", self.readyz),
            Route("/metrics", guard.look(self.metrics)),
        ]

    async def healthz(self, _request: Request) -> Response:
        """Serve GET /healthz: 200 while the bridge makes progress, otherwise 503 with the reasons."""
        # Do not use the thread slots: a health check must get a response even if all slots are in use.
        verdict = await asyncio.to_thread(health, self._bridge)
        return json(verdict.value(), 200 if verdict.ok else 503)

    async def readyz(self, request: Request) -> Response:
        """Serve GET /readyz: 200 if the bridge does all of its work, otherwise 503. The reasons require read access."""
        verdict = await asyncio.to_thread(readiness, self._bridge)
        state = verdict.value() if await self._guard.user(request) else {"ok": verdict.ok}
        return json(state, 200 if verdict.ok else 503)

    async def metrics(self, _request: Request) -> Response:
        """Serve GET /metrics: the metrics, in the Prometheus text format."""
        return Response(await self._threads.run(metrics_text, self._bridge), media_type=CONTENT_TYPE)
