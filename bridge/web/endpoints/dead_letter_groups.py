"""Endpoints of the groups of dead letters by mapping, code and reason. A group can be replayed or deleted."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from bridge.spool.dead_letter_groups import GroupKey, find_in_group, group_dead_letters, numbers_of_group
from bridge.timestamps import rfc3339
from bridge.web.presentation import dead_letter_summary
from bridge.web.requests import (
    MAX_INTEGER,
    RequestError,
    body,
    integer_from_text,
    integer_in_body,
    json,
    worker_in_body,
    worker_in_query,
)

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from bridge.ingest.replay import Action
    from bridge.monitoring.running_bridge import RunningBridge
    from bridge.spool.dead_letter_groups import DeadLetterGroup, GroupedDeadLetters
    from bridge.web.access.guard import Guard
    from bridge.web.thread_slots import ThreadSlots

log = logging.getLogger(__name__)

MAX_LISTED: Final = 200
STEP_DEAD_LETTERS: Final = 2_000
"""Maximum number of dead letters that one request replays or deletes, in ten transactions.

The page repeats the request until all are handled, and shows the progress.
"""
MIN_AGE_SECS: Final = 1.0
"""Minimum time between two calculations of the groups."""
REST: Final = 10
"""If a calculation of the groups took N seconds, the next one begins at least REST times N seconds later.

So the calculations need at most a tenth of a thread's time.
"""


@dataclass(frozen=True, slots=True)
class _Known:
    grouped: GroupedDeadLetters
    at: float
    max_age_secs: float


class DeadLetterGroupEndpoints:
    """Handlers of the groups of dead letters."""

    def __init__(self, bridge: RunningBridge, threads: ThreadSlots) -> None:
        self._bridge = bridge
        self._threads = threads
        # Only one grouping runs at a time, because it reads all dead letters.
        self._grouping = asyncio.Lock()
        self._known: dict[Path, _Known] = {}

    def routes(self, guard: Guard) -> list[Route]:
        """Return the routes."""
        return [
            Route("/api/dead-letters/groups", guard.look(self.groups)),
            Route("/api/dead-letters/group", guard.look(self.group)),
            Route("/api/dead-letters/group/replay", guard.edit(self.replay), methods=["POST"]),
            Route("/api/dead-letters/group/delete", guard.edit(self.delete), methods=["POST"]),
        ]

    async def groups(self, request: Request) -> Response:
        """Serve GET /api/dead-letters/groups?worker=: the groups of dead letters by mapping, code and reason.

        The largest group is the first. A reason is the text of the error without its values. `others` is the number of
        dead letters in groups that the list does not contain.
        """
        grouped = await self._grouped(self._bridge.dead_letters_folder(worker_in_query(request.query_params)))
        return json({"groups": [_value(each) for each in grouped.groups], "others": grouped.others})

    async def group(self, request: Request) -> Response:
        """Serve GET /api/dead-letters/group?worker=&mapping=&code=&reason=&before=&limit=: one group's dead letters.

        The newest dead letter is the first.
        """
        query = request.query_params
        folder = self._bridge.dead_letters_folder(worker_in_query(query))
        key = GroupKey(*map(query.get, _KEY, ("", "", "")))
        before, limit = integer_from_text(query, "before", 0), min(integer_from_text(query, "limit", 50), MAX_LISTED)
        found = await self._threads.run(find_in_group, folder, key, before or None, limit)
        return json({"dead_letters": [dead_letter_summary(*each) for each in found]})

    async def replay(self, request: Request) -> Response:
        """Serve POST /api/dead-letters/group/replay: replay the next dead letters of a group, oldest first.

        The request handles dead letters with numbers above `after` and up to `up_to`. The response contains `last`, the
        number of the last dead letter that was handled. While `more` is true, repeat the request with this number as
        `after`.
        """
        return await self._run_step("replay", request)

    async def delete(self, request: Request) -> Response:
        """Serve POST /api/dead-letters/group/delete: delete dead letters of a group. The body is as for replay."""
        return await self._run_step("delete", request)

    async def _run_step(self, action: Action, request: Request) -> Response:
        asked = await body(request)
        key = GroupKey(*(_text_in(asked, name) for name in _KEY))
        after, up_to = integer_in_body(asked, "after", 0), integer_in_body(asked, "up_to", MAX_INTEGER)
        worker = worker_in_body(asked)
        folder = self._bridge.dead_letters_folder(worker)
        numbers = await self._threads.run(numbers_of_group, folder, key, after, up_to, STEP_DEAD_LETTERS)
        if not numbers:
            return json({"counts": {}, "reasons": {}, "last": after, "more": False})
        log.info("page: %s of %d dead letters, by '%s'", action, len(numbers), request.state.user.name)
        job = await self._threads.run(self._bridge.run_job, action, numbers, worker)
        # The job has changed the groups, so discard the stored ones.
        self._known.pop(folder, None)
        # If the request handled the maximum number of dead letters, the group may contain more.
        return json({**job.value(), "last": numbers[-1], "more": len(numbers) == STEP_DEAD_LETTERS})

    async def _grouped(self, folder: Path) -> GroupedDeadLetters:
        async with self._grouping:
            known, now = self._known.get(folder), time.monotonic()
            if known is None or now - known.at > known.max_age_secs:
                grouped = await self._threads.run(group_dead_letters, folder)
                ended = time.monotonic()
                known = self._known[folder] = _Known(grouped, ended, max(MIN_AGE_SECS, REST * (ended - now)))
            return known.grouped


_KEY: Final = ("mapping", "code", "reason")


def _text_in(asked: dict[str, Any], name: str) -> str:
    value = asked.get(name)
    if not isinstance(value, str):
        raise RequestError(400, f"{name}: expected text")
    return value


def _value(group: DeadLetterGroup) -> dict[str, Any]:
    return {
        "mapping": group.mapping,
        "code": group.code,
        "reason": group.reason,
        "dead_letters": group.dead_letters,
        "first": rfc3339(group.first_ms),
        "last": rfc3339(group.last_ms),
        "newest": group.newest,
        "details": group.details,
    }
