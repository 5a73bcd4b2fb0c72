"""Worker process that tries a mapping on a message. It reads lines of JSON on standard input, and writes one for each.

The first line of output means that the process is ready.

An expression may never end, or use all memory. Here it meets this process's limits, and cannot harm the bridge.
`playground.py` runs it. It writes no file.
"""

from __future__ import annotations

import base64
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from bridge.errors import ConfigError, Problem
from bridge.mapping.explain import explain
from bridge.mapping.loading.loader import compile_text
from bridge.mapping.loading.resources import load_resources
from bridge.mapping.selftest.runner import run_cases
from bridge.mapping.topics.pattern import TopicError, check_topic_name
from bridge.model import Message
from bridge.web.presentation import mapped_value

MEMORY_BYTES = 1 << 30


def main() -> None:
    """Process requests until standard input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    # The memory of this process counts for the bridge's container or unit too. If that has no more, the kernel should
    # end this process and not the bridge (proc(5), oom_score_adj).
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    sys.stdout.buffer.write(b"{}\n")  # ready: the parent measures the time from here on
    sys.stdout.buffer.flush()
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(orjson.dumps(tried(orjson.loads(line))) + b"\n")
        sys.stdout.buffer.flush()


def tried(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the mapping's result for the message, or the mapping's problems, each with line and column."""
    # Loaded for each request, because the files may have changed since the last one.
    resources = load_resources(Path(asked["folder"]), shown_as="mappings").resources
    try:
        mapping = compile_text(asked["mapping"], asked["name"], resources, shown_as="mapping.yaml")
    except ConfigError as error:
        return {"problems": [_problem(each) for each in error.problems]}
    cases = [
        {"name": each.name, "passed": each.passed, "difference": each.difference or ""} for each in run_cases(mapping)
    ]
    if not asked.get("topic"):
        return {"problems": [], "tests": cases, "steps": [], "matched": False, "made": None}
    try:
        check_topic_name(asked["topic"])
    except TopicError as error:
        return {"problems": [], "tests": cases, "steps": [["topic", str(error)]], "matched": False, "made": None}
    [explained] = explain([mapping], _message(asked)).mappings
    made = None if explained.mapped is None else mapped_value(mapping, explained.mapped)
    return {
        "problems": [],
        "tests": cases,
        "steps": [list(step) for step in explained.steps],
        "matched": explained.mapped is not None,
        "made": made,
    }


def _message(asked: dict[str, Any]) -> Message:
    payload = asked.get("payload", "").encode("utf-8", "surrogatepass")
    if "payload_base64" in asked:
        payload = base64.b64decode(asked["payload_base64"])
    return Message(
        asked["topic"], payload, int(asked.get("qos", 1)), bool(asked.get("retain")), time.time_ns() // 10**6
    )


def _problem(problem: Problem) -> dict[str, Any]:
    return {"line": problem.line, "column": problem.column, "path": problem.path, "message": problem.message}


if __name__ == "__main__":
    main()
