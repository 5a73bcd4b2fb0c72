"""Job `check`: the problems of a mapping and the results of its tests, found by the code of the command `check`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bridge.errors import BridgeError, ConfigError
from bridge.mapping.loading.mapping_loader import compile_file, sharing_problem
from bridge.mapping.selftest.runner import run_cases
from bridge.web.jobs.memory_limit import JOB_BYTES
from bridge.web.jobs.resource_cache import SHOWN_AS, resources_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.errors import Problem
    from bridge.mapping.loading.resources import LoadedResources
    from bridge.mapping.mapping import Mapping

_MAX_DIFFERENCE_CHARS: Final = 4_000
_MAX_DIFFERENCES: Final = 50
_MAX_PROBLEMS: Final = 200
_OUT_OF_MEMORY: Final = re.compile(r"dead letter (internal: MemoryError|transform: \w+\(\): the value is too large)")
_WORD: Final = re.compile(r"[\w.$-]+|\S")


def check(asked: dict[str, Any]) -> dict[str, Any]:
    """Return {problems, tests} for a request {folder, file, text, shared}.

    `text` is the text of a mapping file that is about to be saved. `shared` is true if the bridge uses a shared
    subscription.
    """
    resources = resources_of(asked)
    file, text = Path(asked["folder"]) / asked["file"], asked["text"]
    shown = f"{SHOWN_AS}/{file.name}"
    try:
        mapping, document = compile_file(file, {}, resources.resources, text=text.encode(), shown_as=shown)
    except ConfigError as error:
        # Problems of tables and schemas are listed too, because they may be the cause of the mapping's problems.
        return {"problems": problem_values(error.problems, text, resources), "tests": []}
    problem = sharing_problem(mapping, document) if asked["shared"] else None
    tests = case_values(mapping)
    # In a test, a MemoryError becomes a dead letter. Do not report it as a failed test, because the bridge does not
    # have this memory limit.
    if any(_OUT_OF_MEMORY.search(each["difference"]) for each in tests):
        raise BridgeError(f"a test needs more than {JOB_BYTES // 1024**2} MiB of memory")
    return {"problems": problem_values([problem] if problem else [], text), "tests": tests}


def case_values(mapping: Mapping) -> list[dict[str, Any]]:
    """Run the mapping's tests, and return their results."""
    results = run_cases(mapping)
    # The response contains the differences of the first failed tests only. They are enough to find the error.
    first = [each.number for each in results if not each.passed][:_MAX_DIFFERENCES]
    shown = {number: results[number].difference[:_MAX_DIFFERENCE_CHARS] for number in first}
    return [{"name": each.name, "passed": each.passed, "difference": shown.get(each.number, "")} for each in results]


def problem_values(
    problems: Sequence[Problem], text: str, resources: LoadedResources | None = None
) -> list[dict[str, Any]]:
    """Return problems as JSON values, each with the range of the faulty word in the text.

    Problems of `resources` are last. They have no range, because they are in other files.
    """
    lines = text.splitlines()
    values = [
        {"path": each.path, "message": each.message, "advice": "", **_range(lines, each.line, each.column)}
        for each in problems[:_MAX_PROBLEMS]
    ]
    beside = [] if resources is None else resources.problems
    nowhere = dict.fromkeys(("line", "column", "end_line", "end_column"), 0)
    return [*values, *({"path": "", "message": str(each), "advice": "", **nowhere} for each in beside)]


def _range(lines: list[str], line: int, column: int) -> dict[str, int]:
    """Return the positions at which a problem starts and ends.

    Lines and columns count from 1. `end_column` is the column after the last character.
    """
    shown = lines[line - 1] if 0 < line <= len(lines) else ""
    # The page marks a range, but only the start of a problem is known. So mark the word that starts there.
    word = _WORD.match(shown, max(column - 1, 0))
    end = word.end() + 1 if word else column + 1
    return {"line": line, "column": column, "end_line": line, "end_column": end if line else 0}
