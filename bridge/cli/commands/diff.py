"""Command `diff`: maps recorded traffic with two versions of the mappings, and prints the records that differ."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from bridge.cli.output.formatting import pluralize
from bridge.errors import ConfigError, Problem
from bridge.mapping.comparison.outcomes import ChangeKind, Difference, compare, outcome
from bridge.mapping.loading.mapping_loader import compile_file, is_mapping_file
from bridge.mapping.loading.resources import Resources, load_resources
from bridge.mapping.router import Router
from bridge.runtime.exit_codes import FAILED
from bridge.terminal import BAD, GOOD, HEAD, WARN, print_coloured
from bridge.tools.capture.file_format import CapturedMessage, read_capture
from bridge.tools.capture.report import Report, as_json, difference_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.mapping.mapping import Mapping

_COLOURS = {"^line .*$": HEAD, "^  only new": GOOD, "^  only old": BAD, "^  now .{8}": BAD, "^  (changed|before)": WARN}
# Number of messages between two updates of the progress bar. Each update takes time.
_UPDATE_EVERY_MESSAGES = 200


class DiffOptions(NamedTuple):
    """Output format: JSON lines for all messages that differ, or text for the first messages, at most `first`."""

    json: bool
    first: int


def diff(old: Path, new: Path, capture: Path, options: DiffOptions) -> int:
    """Print the differences. Return 0 if both versions of the mappings create the same records, otherwise 1.

    Raise ConfigError if a mapping or the capture cannot be read.
    """
    routes_old, routes_new = _load(old, new)
    report = Report()
    for captured, differences in _compared(capture, routes_old, routes_new, report):
        if options.json:
            _print_json(as_json(captured, differences))
        elif report.differing <= options.first:
            print_coloured("\n".join(difference_lines(captured, differences)) + "\n", _COLOURS)
    if options.json:
        _print_json({"summary": report.value()})
        return 0 if report.same else FAILED
    if report.differing > options.first > 0:
        print(f"... and {pluralize(report.differing - options.first, 'message')} more that differ (--show, --json)\n")
    print_coloured(
        "\n".join(report.lines()),
        {r"\b0 differ": GOOD, r"[1-9][\d,]* differ": BAD, "^note:": WARN},
    )
    return 0 if report.same else FAILED


def _compared(
    capture: Path, old: Router, new: Router, report: Report
) -> Iterator[tuple[CapturedMessage, list[Difference]]]:
    """Yield the messages whose results differ, and count all messages in `report`."""
    # On a terminal, rich must print the differences, because otherwise they would overwrite its progress bar. If
    # standard output is a file or a pipe, rich must not redirect the output.
    terminal = sys.stdout.isatty()
    console = Console(stderr=not terminal)
    columns = (TextColumn("comparing"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=console, transient=True, redirect_stdout=terminal, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("", total=capture.stat().st_size if capture.is_file() else None)
        for captured in read_capture(capture):
            if captured.line % _UPDATE_EVERY_MESSAGES == 0:
                progress.update(task, completed=captured.end)
            # Skip a message if the capture contains only the beginning of its payload.
            if not captured.whole:
                report.cut += 1
                continue
            before, after = outcome(old, captured.message), outcome(new, captured.message)
            report.unmatched += not (before.matched or after.matched)
            differences = list(compare(before, after))
            report.add(differences)
            if any(each.what is not ChangeKind.SAME for each in differences):
                yield captured, differences


def _load(old: Path, new: Path) -> tuple[Router, Router]:
    """Load two mapping files or two folders.

    Often only one of the two files is in a folder with lookup tables and schema files. In this case, the other file
    uses the same tables and schemas.
    """
    if old.is_dir() != new.is_dir():
        raise ConfigError([Problem(str(new), 0, 0, "", "expected two files or two folders, not one of each")])
    if old.is_dir():
        return _folder(old, may_be_empty=True), _folder(new)
    beside_old, beside_new = _resources(old.parent), _resources(new.parent)
    # Both mappings get the name of the new file, because expressions may use the name of the mapping. Otherwise,
    # renaming the file would cause differences.
    return (
        Router([compile_file(old, {}, _either(beside_old, beside_new), name=new.stem)[0]]),
        Router([compile_file(new, {}, _either(beside_new, beside_old))[0]]),
    )


def _folder(folder: Path, *, may_be_empty: bool = False) -> Router:
    """Load the mappings of a folder. Raise ConfigError if a mapping is invalid, or if the folder has no mapping.

    If `may_be_empty` is true, a folder without mappings is valid.
    """
    resources = _resources(folder)
    mappings: list[Mapping] = []
    problems: list[Problem] = []
    for file in sorted(file for file in folder.iterdir() if is_mapping_file(file)):
        try:
            mappings.append(compile_file(file, {}, resources)[0])
        except ConfigError as error:
            problems += error.problems
    if not mappings and not problems and not may_be_empty:
        problems = [Problem(str(folder), 0, 0, "", "no mapping in this folder: no file NAME.yaml")]
    if problems:
        raise ConfigError(problems)
    return Router(mappings)


def _resources(folder: Path) -> Resources:
    loaded = load_resources(folder, shown_as=str(folder))
    if loaded.problems:
        raise ConfigError(loaded.problems)
    return loaded.resources


def _either(own: Resources, other: Resources) -> Resources:
    """Return the tables and schemas in `own`. If there are none, return the tables and schemas in `other`."""
    return Resources(own.tables or other.tables, own.schemas or other.schemas)


def _print_json(value: object) -> None:
    sys.stdout.write(orjson.dumps(value).decode() + "\n")
