"""Owner of the worker process, which runs jobs on texts that users edit. The worker may be killed at any time."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING, Any, Final, TypeVar

import orjson

from bridge.child_environment import child_environment
from bridge.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

Value = TypeVar("Value")

PATIENCE_SECS: Final = 3.0
"""Time limit of one job, after tables and schemas are loaded."""
START_SECS: Final = 30.0
"""Time limit for the start of the worker process, which imports all modules that mappings need.

On a small or busy machine, the imports take much longer than a job.
"""
LOAD_SECS: Final = 30.0
"""Time limit for loading tables and schemas, which stay in the worker process.

A large table takes longer than a job.
"""
MAX_REQUESTS: Final = 8
"""Maximum number of jobs that run or wait. Each of them occupies a connection, and may take PATIENCE_SECS."""
IDLE_SECS: Final = 60.0
"""Time without a job after which the worker process is ended, to free its memory."""
LINE_BYTES: Final = 8 * 1024 * 1024
"""Maximum length of a line that the worker process writes."""
_TOO_SLOW: Final = {
    "try": "the expression takes too much time for one message",
    "check": "the mapping and its tests take too much time",
    "preview": "the expressions take too much time for these messages",
    "propose": "these messages take too much time",
    "diff": "the texts are too different",
}


class Playground:
    """Owner of one worker process. Use it only in the server's event loop.

    The worker process is started when a job needs it, and ended after IDLE_SECS without a job.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._requests = 0
        self._ending: asyncio.TimerHandle | None = None

    async def run(self, job: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Run a job in the worker process and return its result. Raise BridgeError if it takes too long or fails."""
        # The members `job` and `folder` come last, so that a request of the page cannot replace them.
        request = {**asked, "job": job, "folder": str(self._folder)}
        if self._requests >= MAX_REQUESTS:
            raise BridgeError("other trials are running: retry in some seconds")
        self._requests += 1
        try:
            result = await self._result(request)
        finally:
            self._requests -= 1
        if "error" in result:
            raise BridgeError(result["error"])
        return result

    async def _result(self, request: dict[str, Any]) -> dict[str, Any]:
        # The responses of the worker have no number. So it must process one request at a time: the next response is
        # then the response to this request.
        async with self._turn:
            try:
                process = await self._step(self._running(), START_SECS, "the worker process has not started", "start")
                slow = "the tables and schemas are not loaded"
                await self._step(_request(process, request), LOAD_SECS, slow, "tables and schemas")
                slow = _TOO_SLOW[request["job"]]
                return await self._step(_response(process), PATIENCE_SECS, slow, "expressions")
            finally:
                self._end_later()

    async def _step(self, step: Coroutine[Any, Any, Value], secs: float, slow: str, what: str) -> Value:
        """Return the result of a step. Raise BridgeError if it exceeds its limits of time or memory."""
        try:
            return await asyncio.wait_for(step, secs)
        except TimeoutError:
            # The process is still busy with this request, and could not process the next one.
            await self.end()
            raise BridgeError(f"no result within {secs:.0f} s: {slow}") from None
        # A closed pipe or an incomplete line means that the kernel or the memory limit ended the process.
        except (OSError, ValueError):
            await self.end()
            raise BridgeError(f"the trial ended without a result: {what} need too much memory") from None
        except asyncio.CancelledError:
            # Without this, the response to this request would be read as the response to the next request.
            await asyncio.shield(self.end())
            raise

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            pipe, none = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bridge.web.playground_worker",
                stdin=pipe,
                stdout=pipe,
                # Discard the standard error, because a traceback could contain values of the payload.
                stderr=none,
                limit=LINE_BYTES,
                env=child_environment(),
            )
            # The worker prints a line when its imports are done.
            await _response(self._process)
        return self._process

    def _end_later(self) -> None:
        # Each job restarts the idle time.
        if self._ending is not None:
            self._ending.cancel()
        loop = asyncio.get_running_loop()
        self._ending = loop.call_later(IDLE_SECS, lambda: loop.create_task(self.end()))

    async def end(self) -> None:
        """Kill the worker process if it is running."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _request(process: asyncio.subprocess.Process, request: dict[str, Any]) -> None:
    """Send a request, and wait until the worker has loaded its tables and schemas."""
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    process.stdin.write(orjson.dumps(request) + b"\n")
    await process.stdin.drain()
    await _response(process)


async def _response(process: asyncio.subprocess.Process) -> dict[str, Any]:
    response: dict[str, Any] = orjson.loads(await _line(process))
    return response


async def _line(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    return await process.stdout.readline()
