"""Endpoints that show mappings, their problems, and the effects of an edited text. They change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from starlette.routing import Route

from bridge.web.access.sessions import Role
from bridge.web.editing.completions import completions
from bridge.web.job_requests import mapping_and_name, messages, trial
from bridge.web.jobs.checking import problem_values
from bridge.web.requests import RequestError, body, json

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from bridge.mapping.mapping import Mapping
    from bridge.monitoring.running_bridge import RunningBridge
    from bridge.web.access.guard import Guard
    from bridge.web.editing.mapping_editor import MappingEditor, MappingFile
    from bridge.web.playground import Playground
    from bridge.web.thread_slots import ThreadSlots


class MappingEndpoints:
    """Handlers of the mappings."""

    def __init__(
        self, bridge: RunningBridge, editor: MappingEditor, playground: Playground, threads: ThreadSlots
    ) -> None:
        self._bridge = bridge
        self._editor = editor
        self._playground = playground
        self._threads = threads

    def routes(self, guard: Guard) -> list[Route]:
        """Return the routes."""
        return [
            Route("/api/mappings/{name}", guard.look(self.mapping)),
            Route("/api/completions", guard.look(self.completions)),
            Route("/api/try", guard.act(self.try_), methods=["POST"]),
            Route("/api/preview", guard.act(self.preview), methods=["POST"]),
            Route("/api/propose", guard.act(self.propose), methods=["POST"]),
        ]

    async def mapping(self, request: Request) -> Response:
        """Serve GET /api/mappings/NAME: the file's current text, its version, its problems, and whether it is active.

        `live` is true if the active mapping was loaded from this text.
        """
        name, mappings = request.path_params["name"], self._bridge.mappings
        found = await self._threads.run(self._editor.open, name)
        if found.text is None:
            raise RequestError(404, f"no mapping '{name}'")
        own = [each for each in mappings.problems if each.file.endswith(f"/{found.names.file}")]
        problems = problem_values(own, found.shown)
        active = [each for each in mappings.routes.mappings if each.name == name]
        tests = [case.name for case in active[0].specification.tests] if active else []
        file = {"name": name, "file": found.names.file, "text": found.shown, "problems": problems, "tests": tests}
        topic = active[0].pattern.text if active else ""
        # The version is the beginning of the SHA-256 of the text. The digest is the complete SHA-256.
        live = found.names.enabled and mappings.active_digest(name).startswith(found.version)
        why_not = why_not_editable(request, self._editor, found)
        editing = {"version": found.version, "enabled": found.names.enabled, "live": live}
        editing |= {"editable": not why_not, "why_not": why_not, "download": f"{name}.yaml"}
        return json({**file, **editing, "active": bool(active), "topic": topic, "example": _example(active)})

    async def completions(self, _request: Request) -> Response:
        """Serve GET /api/completions: keys of a mapping file, functions, names in expressions, tables and schemas."""
        return json(await self._threads.run(completions, self._bridge.mappings.folder))

    async def try_(self, request: Request) -> Response:
        """Serve POST /api/try: apply a mapping to a message. Nothing is written, so read access is enough."""
        return json(await self._playground.run("try", trial(await body(request))))

    async def preview(self, request: Request) -> Response:
        """Serve POST /api/preview: compare the results of an edited mapping and of its current file."""
        asked = await body(request)
        query = {**mapping_and_name(asked), "messages": messages(asked)}
        found = await self._threads.run(self._editor.open, query["name"])
        query["present"] = found.shown
        return json(await self._playground.run("preview", query))

    async def propose(self, request: Request) -> Response:
        """Serve POST /api/propose: propose a mapping for the messages of a topic, as `init` does."""
        asked = await body(request)
        query = {"topic": asked.get("topic"), "messages": messages(asked)}
        if not isinstance(query["topic"], str):
            raise RequestError(400, "expected topic: text")
        files = await self._threads.run(self._editor.folder.files)
        streams = [output.data_stream for each in self._bridge.mappings.routes.mappings for output in each.outputs]
        # Propose the stream that most outputs use already.
        query["stream"] = max(streams, key=streams.count, default="telemetry")
        # Compare names in lower case. On some file systems, names that differ only in case are the same file.
        query["taken"] = [each.name.lower() for each in files]
        return json(await self._playground.run("propose", query))


def why_not_editable(request: Request, editor: MappingEditor, found: MappingFile | None = None) -> str:
    """Return the reason why the user of a request cannot edit a mapping, or "" if the user can edit it.

    Without `found`, return only reasons that are true for all mappings.
    """
    if request.state.user.role is not Role.EDIT:
        return "read-only: log in with http.token, or set it in bridge.yaml"
    return editor.folder.read_only_reason() or (found.read_only_reason if found is not None else "")


def _example(active: list[Mapping]) -> dict[str, str]:
    """Return the message of the mapping's first test, as the initial input of the playground."""
    cases = active[0].specification.tests if active else ()
    if not cases:
        return {"topic": "", "payload": ""}
    payload = cases[0].payload_text
    # A payload of null also counts as set. It must not look like a test without a payload.
    if payload is None and "payload" in cases[0].model_fields_set:
        payload = orjson.dumps(cases[0].payload).decode()
    return {"topic": cases[0].topic, "payload": payload or ""}
