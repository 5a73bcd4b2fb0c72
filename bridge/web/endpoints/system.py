"""Endpoints of the view `System`: the configuration, the shards, and the findings of doctor."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import TYPE_CHECKING

from starlette.routing import Route

from bridge.errors import BridgeError
from bridge.web.doctor_run import DoctorRun, doctor_command
from bridge.web.requests import json

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from bridge.monitoring.running_bridge import RunningBridge
    from bridge.web.access.guard import Guard
    from bridge.web.thread_slots import ThreadSlots

log = logging.getLogger(__name__)


class SystemEndpoints:
    """Handlers of the configuration, the shards and doctor."""

    def __init__(self, bridge: RunningBridge, threads: ThreadSlots) -> None:
        self._bridge = bridge
        self._threads = threads
        self._doctor = DoctorRun()

    def routes(self, guard: Guard) -> list[Route]:
        """Return the routes."""
        return [
            Route("/api/configuration", guard.look(self.configuration)),
            Route("/api/shards", guard.look(self.shards)),
            Route("/api/doctor", guard.look(self.doctor)),
            Route("/api/doctor", guard.edit(self.run_doctor), methods=["POST"]),
        ]

    async def configuration(self, _request: Request) -> Response:
        """Serve GET /api/configuration: each option with its value and its origin.

        Values of secrets are not included.
        """
        known = self._bridge.configuration
        options = [] if known is None else [asdict(each) for each in known.options]
        return json({"file": "" if known is None else str(known.file), "options": options})

    async def shards(self, _request: Request) -> Response:
        """Serve GET /api/shards: the shards that the senders know, by stream, with the rates of the last seconds."""
        return json({"streams": [asdict(each) for each in await self._threads.run(self._bridge.shards)]})

    async def doctor(self, _request: Request) -> Response:
        """Serve GET /api/doctor: whether doctor runs, and the findings of its last run."""
        return json(self._doctor.value())

    async def run_doctor(self, request: Request) -> Response:
        """Serve POST /api/doctor: start doctor. Only one run is possible at a time."""
        known = self._bridge.configuration
        if known is None:
            raise BridgeError("doctor needs a configuration file, and this bridge was started without one")
        self._doctor.start(doctor_command(known.file))
        log.info("page: doctor started, by '%s'", request.state.user.name)
        return json(self._doctor.value())
