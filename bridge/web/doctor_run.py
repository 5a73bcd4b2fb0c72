"""One run of the command `doctor` for the page. It is a separate process with a deadline and limited output."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DEADLINE_SECS: Final = 180.0
"""Maximum duration of a run. The checks normally end earlier, because each check has its own deadline."""
MAX_OUTPUT_BYTES: Final = 1024 * 1024
MAX_ERROR_BYTES: Final = 4_000
# Members of a finding that the page shows. The other member, `facts`, is for programs.
SHOWN: Final = ("check", "subject", "status", "message", "advice", "details")


def doctor_command(config: Path) -> list[str]:
    """Return the command that prints the findings for this configuration as JSON."""
    return [sys.executable, "-m", "bridge", "doctor", "--config", str(config), "--json"]


class DoctorRun:
    """The current run, or the last one. Use it only in the server's event loop."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._state: dict[str, Any] = {"started_ms": None, "ended_ms": None, "findings": [], "problem": ""}

    @property
    def running(self) -> bool:
        """True until the run has ended."""
        return self._task is not None and not self._task.done()

    def value(self) -> dict[str, Any]:
        """Return the state as JSON values: the `findings` of the last run, or the `problem` that prevented findings."""
        return {"running": self.running, **self._state}

    def start(self, command: Sequence[str]) -> None:
        """Start a run. Raise BridgeError if another run has not ended."""
        if self.running:
            raise BridgeError("doctor is running: wait for its findings")
        self._state = {"started_ms": _now_ms(), "ended_ms": None, "findings": [], "problem": ""}
        self._task = asyncio.get_running_loop().create_task(self._run(command))

    async def _run(self, command: Sequence[str]) -> None:
        try:
            # The environment is passed on, because the configuration may refer to secrets in it. The child is the
            # bridge's own program, with the same rights.
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=dict(os.environ),
            )
        except OSError as error:
            # The machine may have no more memory, processes or file descriptors.
            self._state |= {"problem": f"doctor cannot be started: {error.strerror}", "ended_ms": _now_ms()}
            return
        try:
            self._state |= await asyncio.wait_for(_findings(process), DEADLINE_SECS)
        except TimeoutError:
            self._state["problem"] = f"doctor did not end within {DEADLINE_SECS:.0f} s"
        # End the process also when the page ends. The page's event loop then cancels this task.
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            self._state["ended_ms"] = _now_ms()
            await process.wait()


async def _findings(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    assert process.stderr is not None  # noqa: S101 - it is a pipe
    # Read both pipes at the same time. Otherwise the process would block forever when the other pipe is full.
    output, errors = await asyncio.gather(
        _read(process.stdout, MAX_OUTPUT_BYTES), _read(process.stderr, MAX_ERROR_BYTES)
    )
    try:
        found = orjson.loads(output)["findings"]
        return {"findings": [{name: each[name] for name in SHOWN} for each in found]}
    except (ValueError, KeyError, TypeError):
        error_text = errors.decode("utf-8", "replace").strip()
        return {"problem": f"doctor printed no findings{f': {error_text}' if error_text else ''}"}


async def _read(stream: asyncio.StreamReader, max_bytes: int) -> bytes:
    """Return the first `max_bytes` bytes of a stream.

    Read and discard the other bytes, so that a full pipe does not block the process.
    """
    data = bytearray()
    while chunk := await stream.read(64 * 1024):
        data += chunk[: max_bytes - len(data)]
    return bytes(data)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
