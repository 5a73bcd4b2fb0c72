"""Trial of a mapping on a message while a user edits it: the bridge's own code, in a process that may be killed."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge.child_environment import child_environment
from bridge.errors import BridgeError

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE_SECS: Final = 3.0
START_SECS: Final = 30.0
"""Limit of the start-up. The interpreter imports all that mappings need.

On a small or busy machine that needs much more time than a trial.
"""
MAX_REQUESTS: Final = 8
"""Max number of trials that run or wait: each occupies a connection, and a trial may take PATIENCE_SECS."""
IDLE_SECS: Final = 60.0
MAX_MAPPING_CHARS: Final = 200_000
MAX_PAYLOAD_CHARS: Final = 1_000_000
MAX_QOS: Final = 2
LINE_BYTES: Final = 8 * 1024 * 1024


class Playground:
    """Trial process: one at a time, started when it is needed, ended after IDLE_SECS. Server's loop only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._requests = 0
        self._ending: asyncio.TimerHandle | None = None

    async def try_(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the mapping's result for the message. Raise BridgeError if it is too large, or takes too long."""
        request = _checked(asked) | {"folder": str(self._folder)}
        if self._requests >= MAX_REQUESTS:
            raise BridgeError("other trials are running: retry in some seconds")
        self._requests += 1
        try:
            return await self._try(request)
        finally:
            self._requests -= 1

    async def _try(self, request: dict[str, Any]) -> dict[str, Any]:
        async with self._turn:
            try:
                process = await asyncio.wait_for(self._running(), START_SECS)
                return await asyncio.wait_for(_request_of(process, request), PATIENCE_SECS)
            except TimeoutError:
                # The process is still in the expression, and can serve no other request.
                await self.end()
                raise BridgeError(
                    f"no result within {PATIENCE_SECS:.0f} s: the expression takes too much time for one message"
                ) from None
            # A closed pipe, or an incomplete line: the kernel killed the process, or its memory limit did.
            except (OSError, ValueError):
                await self.end()
                raise BridgeError("the trial ended without a result: the expression needs too much memory") from None
            finally:
                self._end_later()

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            pipe, none = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bridge.web.playground_worker",
                stdin=pipe,
                stdout=pipe,
                # A traceback could contain values of the payload.
                stderr=none,
                limit=LINE_BYTES,
                env=child_environment(),
            )
            # The worker prints a line when its imports are done: from then on PATIENCE_SECS covers the trial alone.
            await _line(self._process)
        return self._process

    def _end_later(self) -> None:
        # Each trial restarts the idle time.
        if self._ending is not None:
            self._ending.cancel()
        loop = asyncio.get_running_loop()
        self._ending = loop.call_later(IDLE_SECS, lambda: loop.create_task(self.end()))

    async def end(self) -> None:
        """Kill the process, if there is one."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _request_of(process: asyncio.subprocess.Process, request: dict[str, Any]) -> dict[str, Any]:
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    process.stdin.write(orjson.dumps(request) + b"\n")
    await process.stdin.drain()
    answer: dict[str, Any] = orjson.loads(await _line(process))
    return answer


async def _line(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    return await process.stdout.readline()


def _checked(asked: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, type] = {"mapping": str, "name": str, "topic": str, "payload": str, "payload_base64": str}
    for name, kind in fields.items():
        if name in asked and not isinstance(asked[name], kind):
            raise BridgeError(f"{name}: expected text")
    if not asked.get("mapping") or not asked.get("name"):
        raise BridgeError("expected mapping (its text) and name")
    if (
        len(asked["mapping"]) > MAX_MAPPING_CHARS
        or max(len(asked.get(name, "")) for name in ("payload", "payload_base64")) > MAX_PAYLOAD_CHARS
    ):
        raise BridgeError(
            f"too large: a mapping has at most {MAX_MAPPING_CHARS:,} characters, a payload {MAX_PAYLOAD_CHARS:,}"
        )
    # `type` and not `isinstance`: True is an instance of int.
    if type(asked.get("qos", 1)) is not int or not 0 <= asked.get("qos", 1) <= MAX_QOS:
        raise BridgeError("qos: expected 0, 1 or 2")
    if not isinstance(asked.get("retain", False), bool):
        raise BridgeError("retain: expected true or false")
    return {name: asked[name] for name in (*fields, "qos", "retain") if name in asked}
