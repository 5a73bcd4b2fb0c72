"""Endpoints of the dead letters: finding, reading, replaying and deleting them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from bridge.errors import NoSuchDeadLetter
from bridge.spool.read_only import count_by_code, count_matching, find_dead_letters, find_numbers, read_dead_letter
from bridge.web.presentation import dead_letter_json, dead_letter_summary
from bridge.web.requests import (
    RequestError,
    body,
    integer_from_json,
    integer_from_text,
    json,
    worker_in_body,
    worker_in_query,
)

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from bridge.monitoring.running_bridge import RunningBridge
    from bridge.web.access.guard import Guard
    from bridge.web.thread_slots import ThreadSlots

log = logging.getLogger(__name__)

MAX_LISTED: Final = 200
# One request replays or deletes at most this many dead letters, so that the request does not take too long.
MAX_NUMBERS: Final = 10_000


class DeadLetterEndpoints:
    """Handlers of the dead letters."""

    def __init__(self, bridge: RunningBridge, threads: ThreadSlots) -> None:
        self._bridge = bridge
        self._threads = threads

    def routes(self, guard: Guard) -> list[Route]:
        """Return the routes."""
        return [
            Route("/api/dead-letters", guard.look(self.dead_letters)),
            Route("/api/dead-letters/numbers", guard.look(self.numbers)),
            Route("/api/dead-letters/replay", guard.edit(self.replay), methods=["POST"]),
            Route("/api/dead-letters/delete", guard.edit(self.delete), methods=["POST"]),
            # This route comes last, because it also matches the paths of the other routes.
            Route("/api/dead-letters/{number}", guard.look(self.dead_letter)),
        ]

    async def dead_letters(self, request: Request) -> Response:
        """Serve GET /api/dead-letters?worker=&code=&mapping=&stream=&topic=&before=&limit=: dead letters, newest first.

        The response also has the number of dead letters by code, and the number of dead letters that match.
        """
        folder, wanted = self._wanted(request)
        limit = integer_from_text(request.query_params, "limit", 50)
        before = integer_from_text(request.query_params, "before", 0)
        found = await self._threads.run(
            lambda: list(find_dead_letters(folder, wanted, before=before or None, limit=min(limit, MAX_LISTED)))
        )
        codes = await self._threads.run(count_by_code, folder)
        matching = await self._threads.run(count_matching, folder, wanted)
        return json(
            {"dead_letters": [dead_letter_summary(*each) for each in found], "codes": codes, "matching": matching}
        )

    async def numbers(self, request: Request) -> Response:
        """Serve GET /api/dead-letters/numbers?worker=&code=&mapping=&stream=&topic=: numbers of matching dead letters.

        The page sends these numbers in a request to replay or delete the dead letters.
        """
        folder, wanted = self._wanted(request)
        numbers = await self._threads.run(find_numbers, folder, wanted, MAX_NUMBERS)
        return json({"numbers": numbers, "limit": MAX_NUMBERS})

    def _wanted(self, request: Request) -> tuple[Path, dict[str, str]]:
        query = request.query_params
        wanted = {name: query[name] for name in ("code", "mapping", "stream", "topic") if query.get(name)}
        return self._bridge.dead_letters_folder(worker_in_query(query)), wanted

    async def dead_letter(self, request: Request) -> Response:
        """Serve GET /api/dead-letters/NUMBER?worker=: one dead letter with its payload."""
        number = integer_from_text(request.path_params, "number", 0)
        folder = self._bridge.dead_letters_folder(worker_in_query(request.query_params))
        try:
            return json(dead_letter_json(number, await self._threads.run(read_dead_letter, folder, number)))
        except NoSuchDeadLetter as error:
            raise RequestError(404, str(error)) from error

    async def replay(self, request: Request) -> Response:
        """Serve POST /api/dead-letters/replay {"numbers": [...], "worker": 2}: replay dead letters.

        `worker` is required if the bridge has several workers.
        """
        return await self._run_job("replay", request)

    async def delete(self, request: Request) -> Response:
        """Serve POST /api/dead-letters/delete: delete dead letters. The body is as for replay."""
        return await self._run_job("delete", request)

    async def _run_job(self, action: Any, request: Request) -> Response:
        query = await body(request)
        asked, worker = query.get("numbers"), worker_in_body(query)
        given = map(integer_from_json, asked) if isinstance(asked, list) else ()
        numbers = [each for each in given if each is not None]
        if not isinstance(asked, list) or len(numbers) < len(asked):
            raise RequestError(400, "expected numbers: a list of integers")
        if len(numbers) > MAX_NUMBERS:
            raise RequestError(400, f"at most {MAX_NUMBERS:,} at once; use the command `dead-letters` for more")
        log.info("page: %s of %d dead letters, by '%s'", action, len(numbers), request.state.user.name)
        job = await self._threads.run(self._bridge.run_job, action, numbers, worker)
        return json(job.value())
