"""Endpoint of the API's own description."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from bridge.web.openapi.document import document
from bridge.web.requests import json

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from bridge.web.access.guard import Guard


class DescriptionEndpoints:
    """Handler of the OpenAPI document."""

    def routes(self, guard: Guard) -> list[Route]:
        """Return the routes."""
        return [Route("/api/openapi.json", guard.look(self.openapi))]

    async def openapi(self, request: Request) -> Response:
        """Serve GET /api/openapi.json: the description of this API in OpenAPI 3.1."""
        return json(document(request.app.routes))
