"""Worker process of the page. For each line of JSON on standard input, it writes two lines to standard output.

The first line means that the tables and schemas are loaded, which may take longer than the time limit of a job.
Before all requests, the process writes one line when it is ready.

An expression may run forever or use all memory. The limits of this process stop it before it can harm the bridge.
`playground.py` starts the process, which may not write files.
"""

from __future__ import annotations

import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge.errors import BridgeError
from bridge.web.jobs.checking import check
from bridge.web.jobs.memory_limit import memory_limit
from bridge.web.jobs.preview import preview
from bridge.web.jobs.proposal import propose_mapping
from bridge.web.jobs.resources import resources_of
from bridge.web.jobs.text_difference import text_difference
from bridge.web.jobs.trial import try_message

if TYPE_CHECKING:
    from collections.abc import Callable

MEMORY_BYTES: Final = 1 << 30
"""Maximum memory of the process, most of it for tables and schemas. A job may use JOB_BYTES of it."""
CPU_SECS: Final = 20
"""CPU time of one job after which the kernel ends the process.

It matters if the bridge was killed and cannot end it.
"""
LOAD_CPU_SECS: Final = 60
"""CPU time of loading tables and schemas, with the same effect."""
JOBS: Final[dict[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "try": try_message,
    "check": check,
    "preview": preview,
    "propose": propose_mapping,
    "diff": text_difference,
}


def main() -> None:
    """Process requests until standard input ends."""
    limit()
    write({})  # ready: the parent measures the time from now on
    for line in sys.stdin.buffer:
        asked = orjson.loads(line)
        # This timer counts CPU time of all threads. RLIMIT_CPU could not be reset for the next job.
        signal.setitimer(signal.ITIMER_PROF, LOAD_CPU_SECS)
        resources_of(asked)
        write({})
        signal.setitimer(signal.ITIMER_PROF, CPU_SECS)
        write(result_of(asked))
        signal.setitimer(signal.ITIMER_PROF, 0)


def write(value: dict[str, Any]) -> None:
    """Write a line."""
    sys.stdout.buffer.write(orjson.dumps(value) + b"\n")
    sys.stdout.buffer.flush()


def limit() -> None:
    """Limit the memory of this process, and forbid it to write files."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    # The memory of this process counts for the bridge's container or unit too. If they run out of memory, the kernel
    # should end this process and not the bridge (proc(5), oom_score_adj).
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    # A file size of 0 forbids writing to files, but not to pipes (setrlimit(2)).
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def result_of(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the result of a job, or {"error": reason} if it fails."""
    try:
        with memory_limit():
            return JOBS[asked["job"]](asked)
    except BridgeError as error:
        return {"error": str(error)}


if __name__ == "__main__":
    main()
