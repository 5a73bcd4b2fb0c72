"""Result of `check` in formats that CI systems read: JSON, annotations of GitHub Actions, SARIF, JUnit."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote
from xml.etree import ElementTree as ET

from bridge import __version__
from bridge.cli.output.json_document import document, json_text
from bridge.mapping.loading.lint import NOTE_CODES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.errors import Problem

_SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
# SARIF requires a rule for each result. Problems have no code, so all problems share this rule.
_RULE: Final = "check"
# Characters that XML 1.0 cannot contain: https://www.w3.org/TR/xml/#charsets
_NOT_XML: Final = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Problems and notes of `check`. `tests` maps the name of each valid mapping to the names of its tests."""

    problems: Sequence[Problem]
    notes: Sequence[Problem]
    tests: dict[str, list[str]]


def as_json(result: CheckResult) -> str:
    """Return the result as one JSON object."""
    return document(
        ok=not result.problems,
        mappings=len(result.tests),
        tests=sum(map(len, result.tests.values())),
        problems=[_problem(each) for each in result.problems],
        notes=[{"code": each.code, **_problem(each)} for each in result.notes],
    )


def as_github(result: CheckResult) -> str:
    """Return the result as workflow commands of GitHub Actions, one for each problem and note.

    https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
    """
    levels = [("error", each) for each in result.problems] + [("notice", each) for each in result.notes]
    return "\n".join(_annotation(level, each) for level, each in levels)


def as_sarif(result: CheckResult) -> str:
    """Return the result as a SARIF 2.1.0 log.

    https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
    """
    texts = {_RULE: "Configuration and mappings load, and their tests pass", **NOTE_CODES}
    rules = [{"id": code, "shortDescription": {"text": text}} for code, text in texts.items()]
    driver = {"name": "mqtt-kinesis", "version": __version__, "rules": rules}
    # Only notes have a code.
    results = [
        {
            "ruleId": each.code or _RULE,
            "level": "note" if each.code else "error",
            "message": {"text": _text(each)},
            "locations": [_location(each)],
        }
        for each in [*result.problems, *result.notes]
    ]
    run = {"tool": {"driver": driver}, "results": results}
    return json_text({"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]})


def as_junit(result: CheckResult) -> str:
    """Return the result as JUnit XML.

    Each test of a valid mapping is a passed test case. Each problem is a failed test case.
    """
    # A mapping without tests gets the test case "loads", so that the report lists the mapping.
    tests = [(name, test, "") for name, names in result.tests.items() for test in names or ["loads"]]
    cases = tests + [(Path(each.file).stem, each.path or "loads", str(each)) for each in result.problems]
    suite = ET.Element(
        "testsuite", name="mqtt-kinesis check", tests=str(len(cases)), failures=str(len(result.problems))
    )
    for name, test, failure in cases:
        case = ET.SubElement(suite, "testcase", classname=_xml(name), name=_xml(test))
        if failure:
            ET.SubElement(case, "failure", message=_xml(failure.splitlines()[0])).text = _xml(failure)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True)


FORMATS: Final[dict[str, Callable[[CheckResult], str]]] = {
    "json": as_json,
    "github": as_github,
    "sarif": as_sarif,
    "junit": as_junit,
}
"""Function for each value of `--format` that returns the result as text."""


def _annotation(level: str, problem: Problem) -> str:
    position = f",line={problem.line},col={problem.column}" if problem.line else ""
    title = _property("mqtt-kinesis check")
    return f"::{level} file={_property(_relative(problem.file))}{position},title={title}::{_data(_text(problem))}"


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "path": problem.path,
        "message": problem.message,
    }


def _location(problem: Problem) -> dict[str, Any]:
    # A URI contains no spaces and no percent signs that are not escaped.
    uri = quote(os.fsencode(Path(_relative(problem.file)).as_posix()))
    location: dict[str, Any] = {"artifactLocation": {"uri": uri}}
    # Line 0 means that the problem concerns the entire file. SARIF counts lines and columns from 1.
    if problem.line:
        location["region"] = {"startLine": problem.line, "startColumn": max(1, problem.column)}
    return {"physicalLocation": location}


def _text(problem: Problem) -> str:
    return f"{problem.path}: {problem.message}" if problem.path else problem.message


def _relative(file: str) -> str:
    """Return the path relative to the current folder. Return `file` unchanged if it is outside of this folder.

    GitHub shows an annotation at a line only if the path is relative to the root of the repository.
    """
    relative = os.path.relpath(file)
    return file if relative.startswith("..") else relative


def _data(text: str) -> str:
    """Escape the message of a workflow command."""
    # Replace the percent sign first, because the other replacements insert percent signs.
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape a property of a workflow command. Also escape colons and commas, because they separate properties."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _xml(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
