"""Command `check`: configuration, mappings, and the mappings' own tests; all problems in one run."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.cli.output.formatting import pluralize
from bridge.config import load_settings
from bridge.errors import ConfigError, Problem
from bridge.mapping.loading.loader import LoadedMappings, load_folder
from bridge.mapping.loading.lookup_tables import FOLDER
from bridge.mapping.loading.resources import NO_RESOURCES
from bridge.mapping.loading.schema_files import FOLDER as SCHEMAS
from bridge.mapping.loading.shared_subscription import order_warning
from bridge.runtime.exit_codes import CONFIGURATION
from bridge.terminal import GOOD, WARN, print_coloured, print_error

if TYPE_CHECKING:
    from collections.abc import Sequence

_NOTE = {"^note:": WARN}


def check_all(config: Path) -> int:
    """Check all files; return 0 if they are valid, else 2 with the problems on standard error."""
    problems: list[Problem] = []
    folder, shared = config.absolute().parent / "mappings", False
    try:
        settings = load_settings(config, os.environ)
        folder, shared = settings.mappings, settings.mqtt.share is not None
    except ConfigError as error:
        # Check the mappings too: one run should show all problems.
        problems += error.problems
    loaded = LoadedMappings({}, [], NO_RESOURCES)
    if folder.is_dir() or not problems:
        shown = os.path.relpath(folder)
        shown = shown if not shown.startswith("..") else str(folder)
        loaded = load_folder(folder, {}, shown_as=shown, shared=shared)
        problems += loaded.problems
    if problems:
        return _print_problems(problems, loaded)
    tests = sum(len(mapping.specification.tests) for mapping in loaded.mappings.values())
    summary = f"{pluralize(len(loaded.mappings), 'mapping')}, {pluralize(tests, 'test')} passed"
    print_coloured(f"OK  {config}, {summary}{_beside(loaded)}", {"^OK": GOOD})
    for mapping in loaded.mappings.values():
        if not mapping.specification.tests:
            print_coloured(f"note: mapping '{mapping.name}' has no tests", _NOTE)
        if shared and (warning := order_warning(mapping)):
            print_coloured(f"note: mapping '{mapping.name}': {warning}", _NOTE)
    return 0


def _print_problems(problems: Sequence[Problem], loaded: LoadedMappings) -> int:
    for problem in problems:
        print_error(problem)
    files = {problem.file for problem in problems}
    summary = f"{pluralize(len(problems), 'error')} in {pluralize(len(files), 'file')}"
    valid = len(loaded.mappings)
    failed = {problem.file for problem in loaded.problems if not {FOLDER, SCHEMAS} & {*Path(problem.file).parts}}
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
