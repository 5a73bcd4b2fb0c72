"""Command `check`: configuration, mappings, and the mappings' own tests; all problems in one run."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.cli.output.file_watch import repeat_on_change
from bridge.cli.output.formatting import pluralize
from bridge.cli.output.problem_formats import FORMATS, CheckResult
from bridge.config import load_settings
from bridge.errors import ConfigError, Problem
from bridge.mapping.loading.loader import LoadedMappings, load_folder
from bridge.mapping.loading.lookup_tables import FOLDER
from bridge.mapping.loading.notes import without_envelope
from bridge.mapping.loading.resources import NO_RESOURCES
from bridge.mapping.loading.schema_files import FOLDER as SCHEMAS
from bridge.runtime.exit_codes import CONFIGURATION
from bridge.terminal import GOOD, WARN, print_coloured, print_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NOTE = {"^note:": WARN}
# Folders beside the mappings, whose files any mapping may use.
_BESIDE = {FOLDER, SCHEMAS}


def check_all(
    config: Path, files: Sequence[Path] = (), *, form: str = "text", watch: bool = False, quiet: bool = False
) -> int:
    """Check the configuration and its mappings, or only `files`; return 0 if they are valid, else 2.

    Problems are printed to standard error as text, or to standard output in another format. With `watch`, the check is
    repeated at each change until Ctrl-C. With `quiet`, text output contains only problems.
    """
    if watch:
        repeat_on_change(lambda: _watched(config, files), lambda: _check(config, files, form, quiet=quiet))
    return _check(config, files, form, quiet=quiet)


def _watched(config: Path, files: Sequence[Path]) -> Iterable[Path]:
    if files:
        return [_folder_of(file) for file in files if not _same(file, config)] + list(files)
    try:
        return [config, load_settings(config, os.environ).mappings]
    except ConfigError:
        return [config, config.absolute().parent / "mappings"]


def _check(config: Path, files: Sequence[Path], form: str, *, quiet: bool) -> int:
    own = [file for file in files if not _same(file, config)]
    everything = not files or len(own) < len(files)
    problems, loaded = _configuration(config) if everything else (list[Problem](), _NOTHING)
    for file in own:
        more = _checked_file(file)
        # A mapping file may be checked twice: with its folder and by its name.
        problems += [each for each in more.problems if each not in problems]
        more_problems = [*loaded.problems, *more.problems]
        notes = [*loaded.notes, *(each for each in more.notes if each not in loaded.notes)]
        loaded = LoadedMappings({**loaded.mappings, **more.mappings}, more_problems, more.resources, notes)
    result = CheckResult(problems, loaded.notes, _tests(loaded))
    if form in FORMATS:
        print(FORMATS[form](result))
        return CONFIGURATION if problems else 0
    if problems:
        return _print_problems(problems, loaded)
    if quiet:
        return 0
    tests = sum(map(len, result.tests.values()))
    summary = f"{pluralize(len(loaded.mappings), 'mapping')}, {pluralize(tests, 'test')} passed"
    what = str(config) if everything else ", ".join(map(str, files))
    print_coloured(f"OK  {what}, {summary}{_beside(loaded)}", {"^OK": GOOD})
    for note in result.notes:
        print_coloured(f"note: {note}", _NOTE)
    return 0


_NOTHING = LoadedMappings({}, [], NO_RESOURCES)


def _configuration(config: Path) -> tuple[list[Problem], LoadedMappings]:
    """Check all files. Return the problems, and the mappings that load."""
    problems: list[Problem] = []
    folder, shared, proves = config.absolute().parent / "mappings", False, False
    try:
        settings = load_settings(config, os.environ)
        folder, shared = settings.mappings, settings.mqtt.share is not None
        proves = settings.kinesis.manifest is not None
    except ConfigError as error:
        # The mappings are checked even if the configuration has errors, so that one run shows all problems.
        problems += error.problems
    loaded = _NOTHING
    if folder.is_dir() or not problems:
        loaded = load_folder(folder, {}, shown_as=_shown(folder), shared=shared)
        problems += loaded.problems
    if proves and loaded.mappings and (text := without_envelope(loaded.mappings.values())):
        loaded.notes.append(Problem(str(config), 0, 0, "kinesis.manifest", text, "no-envelope"))
    return problems, loaded


def _checked_file(file: Path) -> LoadedMappings:
    """Check a mapping file, or all files of a folder. A table or schema file is checked with all mappings."""
    if not file.exists():
        return LoadedMappings({}, [Problem(str(file), 0, 0, "", "no such file")], NO_RESOURCES)
    folder = _folder_of(file)
    loaded = load_folder(folder, {}, shown_as=_shown(folder))
    if file.is_dir() or file.parent.name in _BESIDE:
        return loaded
    problems = [each for each in loaded.problems if _same(Path(each.file), file) or _BESIDE & {*Path(each.file).parts}]
    mappings = {name: mapping for name, mapping in loaded.mappings.items() if name == file.stem}
    if not mappings and not problems:
        problems = [Problem(str(file), 0, 0, "", "not a mapping file: expected NAME.yaml")]
    notes = [each for each in loaded.notes if _same(Path(each.file), file)]
    return LoadedMappings(mappings, problems, loaded.resources, notes)


def _folder_of(file: Path) -> Path:
    if file.is_dir():
        return file
    folder = file.absolute().parent
    return folder.parent if folder.name in _BESIDE else folder


def _same(one: Path, other: Path) -> bool:
    return one.absolute() == other.absolute()


def _shown(folder: Path) -> str:
    shown = os.path.relpath(folder)
    return shown if not shown.startswith("..") else str(folder)


def _tests(loaded: LoadedMappings) -> dict[str, list[str]]:
    return {name: [case.name for case in mapping.specification.tests] for name, mapping in loaded.mappings.items()}


def _print_problems(problems: Sequence[Problem], loaded: LoadedMappings) -> int:
    for problem in problems:
        print_error(problem)
    files = {problem.file for problem in problems}
    summary = f"{pluralize(len(problems), 'error')} in {pluralize(len(files), 'file')}"
    valid = len(loaded.mappings)
    failed = {problem.file for problem in loaded.problems if not _BESIDE & {*Path(problem.file).parts}}
    print(f"\n{summary} ({valid:,} of {pluralize(valid + len(failed), 'mapping')} valid)", file=sys.stderr)
    return CONFIGURATION


def _beside(loaded: LoadedMappings) -> str:
    """Return the number of lookup tables and of schema files, if there are any."""
    tables, schemas = loaded.resources.tables, loaded.resources.schemas
    parts = []
    if tables:
        rows = sum(map(len, tables.values()))
        parts.append(f", {pluralize(len(tables), 'lookup table')} with {pluralize(rows, 'key')}")
    if schemas:
        parts.append(f", {pluralize(len(schemas), 'schema file')}")
    return "".join(parts)
