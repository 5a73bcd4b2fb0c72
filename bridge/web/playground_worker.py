"""Worker process of the page. For each line of JSON on standard input, it writes two lines to standard output.

The input line is the request for a job. The first output line means that the tables and schemas are loaded, which may
take longer than the time limit of a job. The second output line is the result of the job. Before the first request, the
process writes one line when it is ready.

An expression from a user may run forever or use all memory. This process has limits, so that an expression cannot harm
the bridge. `playground.py` starts the process, which may not write files.
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
from bridge.web.jobs.resource_cache import resources_of
from bridge.web.jobs.text_difference import text_difference
from bridge.web.jobs.trial import try_message

if TYPE_CHECKING:
    from collections.abc import Callable

MEMORY_BYTES: Final = 1 << 30
"""Maximum memory of the process, most of it for tables and schemas. A job may use JOB_BYTES of it."""
CPU_SECS: Final = 20
"""CPU time of one job after which the kernel ends the process.

The bridge ends a slow job earlier. If the bridge was killed, only this limit ends the process.
"""
LOAD_CPU_SECS: Final = 60
"""CPU time for loading tables and schemas after which the kernel ends the process."""
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
    write({})  # ready: from now on, the parent applies the time limits
    for line in sys.stdin.buffer:
        asked = orjson.loads(line)
        # ITIMER_PROF counts the CPU time of the process, and can be set again for each job. RLIMIT_CPU cannot.
        signal.setitimer(signal.ITIMER_PROF, LOAD_CPU_SECS)
        resources_of(asked)
        write({})
        signal.setitimer(signal.ITIMER_PROF, CPU_SECS)
        write(result_of(asked))
        signal.setitimer(signal.ITIMER_PROF, 0)


def write(value: dict[str, Any]) -> None:
    """Write a value to standard output, as a line of JSON."""
    sys.stdout.buffer.write(orjson.dumps(value) + b"\n")
    sys.stdout.buffer.flush()


def limit() -> None:
    """Limit the memory of this process, and forbid it to write files."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    # The bridge and this process share the memory limit of their container or unit. If it is reached, the kernel should
    # end this process and not the bridge (proc(5), oom_score_adj).
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
