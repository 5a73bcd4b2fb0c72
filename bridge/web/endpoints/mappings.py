"""Endpoints of the mapping files: their text, their problems, and a trial of one on a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from starlette.routing import Route

from bridge.files import MAX_DOCUMENT_BYTES, FileProblem, read_bytes
from bridge.web.requests import RequestError, body, json

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from bridge.mapping.mapping import Mapping
    from bridge.monitoring.bridge_protocol import RunningBridge
    from bridge.web.access.guard import Guard
    from bridge.web.playground import Playground
    from bridge.web.thread_slots import ThreadSlots


class MappingEndpoints:
    """Handlers of the mapping files."""

    def __init__(self, bridge: RunningBridge, playground: Playground, threads: ThreadSlots) -> None:
        self._bridge = bridge
        self._playground = playground
        self._threads = threads

    def routes(self, guard: Guard) -> list[Route]:
        """Return the routes."""
        return [
            Route("/api/mappings/{name}", guard.look(self.mapping)),
            Route("/api/try", guard.act(self.try_), methods=["POST"]),
        ]

    async def mapping(self, request: Request) -> Response:
        """Serve GET /api/mappings/NAME: the file's present text, and its problems."""
        name = request.path_params["name"]
        file = self._bridge.mappings.file_of(name)
        if file is None:
            raise RequestError(404, f"no mapping '{name}'")
        text = await self._threads.run(_shown_text, file, self._bridge.mappings.folder)
        problems = [str(each) for each in self._bridge.mappings.problems if each.file.endswith(f"/{file.name}")]
        active = [each for each in self._bridge.mappings.routes.mappings if each.name == name]
        tests = [case.name for case in active[0].specification.tests] if active else []
        told = {"name": name, "file": file.name, "text": text, "problems": problems, "tests": tests}
        topic = active[0].pattern.text if active else ""
        return json({**told, "active": bool(active), "topic": topic, "example": _example(active)})

    async def try_(self, request: Request) -> Response:
        """Serve POST /api/try: a mapping on a message. Nothing is written, so read access is enough."""
        return json(await self._playground.try_(await body(request)))


def _shown_text(file: Path, folder: Path) -> str:
    """Return the text of a mapping file. Raise RequestError where it is a link to another folder's file.

    Links within the folder are usual: Kubernetes mounts a ConfigMap with them.
    """
    if not file.resolve().is_relative_to(folder.resolve()):
        raise RequestError(403, f"{file.name} is a link to a file outside the folder of the mappings: it is not shown")
    try:
        return read_bytes(file, MAX_DOCUMENT_BYTES).decode("utf-8", "replace")
    except FileProblem as error:
        raise RequestError(409, str(error)) from error


def _example(active: list[Mapping]) -> dict[str, str]:
    """Return the message of the mapping's first test, as the initial input of the playground."""
    cases = active[0].specification.tests if active else ()
    if not cases:
        return {"topic": "", "payload": ""}
    payload = cases[0].payload_text
    if payload is None and "payload" in cases[0].model_fields_set:
        payload = orjson.dumps(cases[0].payload).decode()
    return {"topic": cases[0].topic, "payload": payload or ""}
