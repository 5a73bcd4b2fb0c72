"""JSON endpoints of the page. Each method parses its request, and has no logic of its own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import orjson
from starlette.responses import Response

from bridge import __version__
from bridge.errors import BridgeError, NoSuchDeadLetter
from bridge.files import MAX_DOCUMENT_BYTES, FileProblem, read_bytes
from bridge.spool.read_only import count_by_code, count_matching, find_dead_letters, find_numbers, read_dead_letter
from bridge.web.presentation import dead_letter_json, dead_letter_summary

if TYPE_CHECKING:
    from collections.abc import Mapping as Query
    from pathlib import Path

    from starlette.requests import Request

    from bridge.ingest.topic_coverage import MappingActivity
    from bridge.mapping.mapping import Mapping
    from bridge.monitoring.bridge_protocol import RunningBridge
    from bridge.web.history import History
    from bridge.web.playground import Playground
    from bridge.web.thread_slots import ThreadSlots

# A mapping and a payload of the playground, which have 200,000 and 1,000,000 characters at most, as JSON.
MAX_BODY_BYTES: Final = 4 * 1024 * 1024
MAX_LISTED: Final = 200
MAX_NUMBERS: Final = 10_000


class RequestError(Exception):
    """Invalid request; `status` is the HTTP status of the response."""

    def __init__(self, status: int, why: str) -> None:
        self.status = status
        super().__init__(why)


class Api:
    """Handlers of the JSON endpoints. With `writable`, dead letters may be replayed and deleted."""

    def __init__(
        self, bridge: RunningBridge, history: History, playground: Playground, threads: ThreadSlots, *, writable: bool
    ) -> None:
        self._bridge = bridge
        self._threads = threads
        self._history = history
        self._playground = playground
        self._writable = writable

    def state(self) -> dict[str, Any]:
        """Return the complete state, for the first page load and for the event each second."""
        snapshot = self._bridge.snapshot()
        told = snapshot.summary_json()
        del told["dead_letters"]
        coverage = {each.name: each for each in snapshot.coverage.mappings}
        return {
            **told,
            "version": __version__,
            "now_ms": time.time_ns() // 1_000_000,
            "up_secs": time.time() - snapshot.started_at,
            "writable": self._writable,
            "mappings": [
                _summary(mapping, coverage.get(mapping.name)) for mapping in self._bridge.mappings.routes.mappings
            ],
            "unmatched_topics": len(snapshot.coverage.topics),
        }

    async def status(self, _request: Request) -> Response:
        """Serve GET /api/status: the complete state."""
        return json(await self._threads.run(self.state))

    async def history(self, _request: Request) -> Response:
        """Serve GET /api/history: the rates of the last hour."""
        return json(self._history.value())

    async def coverage(self, _request: Request) -> Response:
        """Serve GET /api/coverage: matched and unmatched topics, and the activity of each mapping."""
        snapshot = await self._threads.run(self._bridge.snapshot)
        return json(snapshot.coverage.value())

    # -- mappings --------------------------------------------------------------------------------------------------

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

    # -- dead letters ----------------------------------------------------------------------------------------------

    async def dead_letters(self, request: Request) -> Response:
        """Serve GET /api/dead-letters?worker=&code=&mapping=&stream=&topic=&before=&limit=: dead letters, newest first.

        The response also contains all codes, and the number of dead letters that match.
        """
        folder, wanted = self._wanted(request)
        limit, before = _number(request.query_params, "limit", 50), _number(request.query_params, "before", 0)
        found = await self._threads.run(
            lambda: list(find_dead_letters(folder, wanted, before=before or None, limit=min(limit, MAX_LISTED)))
        )
        codes = await self._threads.run(count_by_code, folder)
        matching = await self._threads.run(count_matching, folder, wanted)
        return json(
            {"dead_letters": [dead_letter_summary(*each) for each in found], "codes": codes, "matching": matching}
        )

    async def numbers(self, request: Request) -> Response:
        """Serve GET /api/dead-letters/numbers?worker=&code=&mapping=&stream=&topic=: all matches, for one replay."""
        folder, wanted = self._wanted(request)
        numbers = await self._threads.run(find_numbers, folder, wanted, MAX_NUMBERS)
        return json({"numbers": numbers, "limit": MAX_NUMBERS})

    def _wanted(self, request: Request) -> tuple[Path, dict[str, str]]:
        query = request.query_params
        wanted = {name: query[name] for name in ("code", "mapping", "stream", "topic") if query.get(name)}
        return self._bridge.dead_letters_folder(_worker(query)), wanted

    async def dead_letter(self, request: Request) -> Response:
        """Serve GET /api/dead-letters/NUMBER?worker=: one dead letter in full."""
        number = _number(request.path_params, "number", 0)
        folder = self._bridge.dead_letters_folder(_worker(request.query_params))
        try:
            return json(dead_letter_json(number, await self._threads.run(read_dead_letter, folder, number)))
        except NoSuchDeadLetter as error:
            raise RequestError(404, str(error)) from error

    async def replay(self, request: Request) -> Response:
        """Serve POST /api/dead-letters/replay {"numbers": [...], "worker": 2}; `worker` is required with several."""
        return await self._run_job("replay", request)

    async def delete(self, request: Request) -> Response:
        """Serve POST /api/dead-letters/delete, with the same body as replay."""
        return await self._run_job("delete", request)

    async def _run_job(self, action: Any, request: Request) -> Response:
        if not self._writable:
            raise RequestError(403, "read-only: set http.token to replay and delete in the page")
        query = await body(request)
        numbers, worker = query.get("numbers"), query.get("worker")
        # `type` and not `isinstance`: True is an instance of int.
        if not isinstance(numbers, list) or not all(type(number) is int for number in numbers):
            raise RequestError(400, "expected numbers: a list of integers")
        if len(numbers) > MAX_NUMBERS:
            raise RequestError(400, f"at most {MAX_NUMBERS:,} at once; use the command `dead-letters` for more")
        if worker is not None and type(worker) is not int:
            raise RequestError(400, "expected worker: an integer")
        job = await self._threads.run(self._bridge.run_job, action, numbers, worker)
        return json(job.value())


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


def _summary(mapping: Mapping, coverage: MappingActivity | None) -> dict[str, Any]:
    """Return a mapping for a list: `messages` since the start, `last_ms` in ms since 1970 (0 without messages)."""
    streams = [output.data_stream for output in mapping.outputs]
    told = {"name": mapping.name, "topic": mapping.pattern.text, "streams": streams}
    seen = {name: getattr(coverage, name, 0) for name in ("messages", "last_ms", "silent_ms")}
    return {**told, "tests": len(mapping.specification.tests), **seen}


def _example(active: list[Mapping]) -> dict[str, str]:
    """Return the message of the mapping's first test, as the initial input of the playground."""
    cases = active[0].specification.tests if active else ()
    if not cases:
        return {"topic": "", "payload": ""}
    payload = cases[0].payload_text
    if payload is None and "payload" in cases[0].model_fields_set:
        payload = orjson.dumps(cases[0].payload).decode()
    return {"topic": cases[0].topic, "payload": payload or ""}


async def body(request: Request) -> dict[str, Any]:
    """Return the JSON object of a request, at most MAX_BODY_BYTES long. Raise RequestError."""
    # A form of another site cannot send this type without a preflight request, which the server does not answer.
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise RequestError(415, "expected application/json")
    try:
        query = orjson.loads(await read_body(request, MAX_BODY_BYTES))
    except orjson.JSONDecodeError:
        raise RequestError(400, "expected JSON") from None
    if not isinstance(query, dict):
        raise RequestError(400, "expected a JSON object")
    return query


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Return the body of a request. Raise RequestError as soon as it exceeds the limit, before the rest is read."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > max_bytes:
            raise RequestError(413, f"more than {max_bytes:,} bytes")
    return bytes(data)


def json(value: Any, status: int = 200) -> Response:
    """Return a JSON response."""
    return Response(orjson.dumps(value), status, media_type="application/json")


def refusal(_request: Request, error: Exception) -> Response:
    """Return the response for an exception: the request's own status, 409 for a BridgeError, else 500."""
    status = error.status if isinstance(error, RequestError) else 409 if isinstance(error, BridgeError) else 500
    return json({"error": str(error)}, status)


def _worker(query: Query[str, str]) -> int | None:
    return _number(query, "worker", 0) if query.get("worker") else None


def _number(query: Query[str, str], name: str, default: int) -> int:
    text = query.get(name) or str(default)
    # One digit fewer than SQLite's largest integer, so that every number fits.
    if not (text.isascii() and text.isdigit() and len(text) < len("9223372036854775807")):
        raise RequestError(400, f"{name}: expected an integer")
    return int(text)
