"""Command `check`: checks the configuration and the mappings, and runs the tests in the mapping files."""

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
from bridge.mapping.loading.lint import missing_envelope_note
from bridge.mapping.loading.lookup_tables import FOLDER as TABLES
from bridge.mapping.loading.mapping_loader import LoadedMappings, load_folder
from bridge.mapping.loading.resources import NO_RESOURCES
from bridge.mapping.loading.schema_files import FOLDER as SCHEMAS
from bridge.runtime.exit_codes import CONFIGURATION
from bridge.terminal import GOOD, WARN, print_coloured, print_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NOTE_COLOURS = {"^note:": WARN}
# Names of the folders with lookup tables and schema files, which all mappings may use.
_RESOURCE_FOLDERS = {TABLES, SCHEMAS}


def check_all(
    config: Path, files: Sequence[Path] = (), *, form: str = "text", watch: bool = False, quiet: bool = False
) -> int:
    """Check the configuration and its mappings, or only `files`. Return 0 if all are valid, otherwise 2.

    If `form` is "text", problems are printed to standard error. Otherwise, the result is printed to standard output. If
    `watch` is true, the check runs again after each change, until Ctrl-C. If `quiet` is true, text output contains only
    problems.
    """
    if watch:
        repeat_on_change(lambda: _watched(config, files), lambda: _check(config, files, form, quiet=quiet))
    return _check(config, files, form, quiet=quiet)


def _watched(config: Path, files: Sequence[Path]) -> Iterable[Path]:
    """Return the files and folders to watch."""
    if files:
        # Also watch the folder of each mapping file, because it contains the lookup tables and schema files.
        return [_folder_of(file) for file in files if not _same(file, config)] + list(files)
    try:
        return [config, load_settings(config, os.environ).mappings]
    except ConfigError:
        # The configuration is invalid, so the folder of the mappings is unknown. Watch the default folder.
        return [config, config.absolute().parent / "mappings"]


def _check(config: Path, files: Sequence[Path], form: str, *, quiet: bool) -> int:
    # If the configuration is one of the files, also check all its mappings.
    mapping_files = [file for file in files if not _same(file, config)]
    everything = not files or len(mapping_files) < len(files)
    problems, loaded = _configuration(config) if everything else (list[Problem](), _NO_MAPPINGS)
    for file in mapping_files:
        more = _checked_file(file)
        # `check mappings mappings/press.yaml` checks press.yaml twice, but shows its problems once.
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
    print_coloured(f"OK  {what}, {summary}{_resource_counts(loaded)}", {"^OK": GOOD})
    for note in result.notes:
        print_coloured(f"note: {note}", _NOTE_COLOURS)
    return 0


_NO_MAPPINGS = LoadedMappings({}, [], NO_RESOURCES)


def _configuration(config: Path) -> tuple[list[Problem], LoadedMappings]:
    """Check the configuration and all its mappings. Return the problems and the valid mappings."""
    problems: list[Problem] = []
    folder, shared, has_manifests = config.absolute().parent / "mappings", False, False
    try:
        settings = load_settings(config, os.environ)
        folder, shared = settings.mappings, settings.mqtt.share is not None
        has_manifests = settings.kinesis.manifest is not None
    except ConfigError as error:
        # Check the mappings even if the configuration is invalid, so that one run shows all problems.
        problems += error.problems
    loaded = _NO_MAPPINGS
    # If the configuration is invalid, its folder of mappings is unknown. In this case, ignore a missing default folder.
    if folder.is_dir() or not problems:
        loaded = load_folder(folder, {}, shown_as=_shown(folder), shared=shared)
        problems += loaded.problems
    if has_manifests and loaded.mappings and (text := missing_envelope_note(loaded.mappings.values())):
        loaded.notes.append(Problem(str(config), 0, 0, "kinesis.manifest", text, "no-envelope"))
    return problems, loaded


def _checked_file(file: Path) -> LoadedMappings:
    """Check a mapping file, or all files of a folder.

    Check a lookup table or a schema file together with all mappings of its folder, because any mapping may use it.
    """
    if not file.exists():
        return LoadedMappings({}, [Problem(str(file), 0, 0, "", "no such file")], NO_RESOURCES)
    # Load the folder even for a single mapping file, because the mapping may use the folder's tables and schemas.
    folder = _folder_of(file)
    loaded = load_folder(folder, {}, shown_as=_shown(folder))
    if file.is_dir() or file.parent.name in _RESOURCE_FOLDERS:
        return loaded
    problems = [each for each in loaded.problems if _same(Path(each.file), file) or _is_resource(each.file)]
    mappings = {name: mapping for name, mapping in loaded.mappings.items() if name == file.stem}
    if not mappings and not problems:
        problems = [Problem(str(file), 0, 0, "", "not a mapping file: expected NAME.yaml")]
    notes = [each for each in loaded.notes if _same(Path(each.file), file)]
    return LoadedMappings(mappings, problems, loaded.resources, notes)


def _is_resource(file: str) -> bool:
    return bool(_RESOURCE_FOLDERS & {*Path(file).parts})


def _folder_of(file: Path) -> Path:
    """Return the folder of mappings that a file belongs to. If `file` is a folder, return it unchanged."""
    if file.is_dir():
        return file
    folder = file.absolute().parent
    return folder.parent if folder.name in _RESOURCE_FOLDERS else folder


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
    failed = {problem.file for problem in loaded.problems if not _is_resource(problem.file)}
    print(f"\n{summary} ({valid:,} of {pluralize(valid + len(failed), 'mapping')} valid)", file=sys.stderr)
    return CONFIGURATION


def _resource_counts(loaded: LoadedMappings) -> str:
    """Return a text with the numbers of lookup tables and schema files, or "" if there are none."""
    tables, schemas = loaded.resources.tables, loaded.resources.schemas
    parts = []
    if tables:
        rows = sum(map(len, tables.values()))
        parts.append(f", {pluralize(len(tables), 'lookup table')} with {pluralize(rows, 'key')}")
    if schemas:
        parts.append(f", {pluralize(len(schemas), 'schema file')}")
    return "".join(parts)
