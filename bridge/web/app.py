"""The page's application: its endpoints, and the responses to errors."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from bridge.errors import BridgeError
from bridge.web.access.guard import Guard
from bridge.web.access.security import SecurityHeadersMiddleware
from bridge.web.editing.mapping_editor import MappingEditor
from bridge.web.endpoints.dead_letter_groups import DeadLetterGroupEndpoints
from bridge.web.endpoints.dead_letters import DeadLetterEndpoints
from bridge.web.endpoints.description import DescriptionEndpoints
from bridge.web.endpoints.live import LiveEndpoints
from bridge.web.endpoints.mapping_files import MappingFileEndpoints
from bridge.web.endpoints.mappings import MappingEndpoints
from bridge.web.endpoints.monitoring import MonitoringEndpoints
from bridge.web.endpoints.recording import RecordingEndpoints
from bridge.web.endpoints.site import SiteEndpoints
from bridge.web.endpoints.state import StateEndpoints
from bridge.web.endpoints.system import SystemEndpoints
from bridge.web.requests import RequestError, json, refusal
from bridge.web.thread_slots import ThreadSlots

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.routing import Route
    from starlette.types import ASGIApp

    from bridge.monitoring.running_bridge import RunningBridge
    from bridge.web.playground import Playground
    from bridge.web.settings import HttpSettings

log = logging.getLogger(__name__)


class Endpoints(Protocol):
    """Handlers of one subject, such as the dead letters."""

    def routes(self, guard: Guard) -> list[Route]:
        """Return the routes. Each handler is protected by the method of `guard` for the access that it requires."""


def web_app(
    bridge: RunningBridge,
    settings: HttpSettings,
    playground: Playground,
    stopping: Callable[[], bool],
) -> ASGIApp:
    """Return the application. Its event streams end when `stopping()` is true."""
    threads, guard = ThreadSlots(), Guard(settings)
    state = StateEndpoints(bridge, threads)
    editor = MappingEditor(bridge.mappings.folder, bridge.data_folder)
    endpoints: list[Endpoints] = [
        SiteEndpoints(guard),
        MonitoringEndpoints(bridge, guard, threads),
        state,
        RecordingEndpoints(bridge, threads),
        LiveEndpoints(bridge, state.value, stopping, threads),
        MappingEndpoints(bridge, editor, playground, threads),
        MappingFileEndpoints(bridge, editor, playground, threads),
        # The groups must come first: the route /api/dead-letters/{number} of DeadLetterEndpoints also matches the path
        # /api/dead-letters/groups.
        DeadLetterGroupEndpoints(bridge, threads),
        DeadLetterEndpoints(bridge, threads),
        SystemEndpoints(bridge, threads),
        DescriptionEndpoints(),
    ]
    routes = [route for each in endpoints for route in each.routes(guard)]
    handlers = {
        RequestError: refusal,
        BridgeError: refusal,
        ClientDisconnect: no_content,
        HTTPException: not_served,
        Exception: crashed,
    }
    app = Starlette(routes=routes, exception_handlers=handlers)
    # A redirect would point to the host in the request's Host header, which the client can choose freely.
    app.router.redirect_slashes = False
    return SecurityHeadersMiddleware(app, https=settings.cert_file is not None)


def no_content(_request: Request, _error: Exception) -> Response:
    """Return an empty response for a client that disconnected during its request. No client reads it."""
    return Response(status_code=400)


def not_served(_request: Request, error: Exception) -> Response:
    """Return the response for a path (404) or a method (405) that no endpoint serves."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered only for this class
    answer = json({"error": error.detail}, error.status_code)
    answer.headers.update(error.headers or {})
    return answer


def crashed(_request: Request, error: Exception) -> Response:
    """Log an unexpected exception and return status 500. Only this request fails."""
    log.error("page: %s", type(error).__name__, exc_info=error)
    return json({"error": f"internal error: {type(error).__name__}; the log has details"}, 500)
