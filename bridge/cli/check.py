"""`check`: configuration, mappings, and the mappings' own tests; every problem at once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bridge.config import load_settings
from bridge.errors import ConfigError, Problem
from bridge.mapping.loader import load_folder

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.mapping.loader import Loaded


def check_all(config: Path) -> int:
    """0 if all is well. Raises ConfigError with the problems of all files."""
    problems: list[Problem] = []
    folder = config.absolute().parent / "mappings"
    try:
        folder = load_settings(config, os.environ).mappings
    except ConfigError as error:
        # The mappings are checked all the same: one run shows everything that is wrong.
        problems += error.problems
    if folder.is_dir() or not problems:
        shown = os.path.relpath(folder)
        loaded = load_folder(folder, {}, shown_as=shown if not shown.startswith("..") else str(folder))
        problems += loaded.problems
    if problems:
        raise ConfigError(problems)
    tests = sum(len(mapping.specification.tests) for mapping in loaded.mappings.values())
    print(f"{config}: well; {len(loaded.mappings)} mappings, {tests} tests passed{_tables(loaded)}")
    for mapping in loaded.mappings.values():
        if not mapping.specification.tests:
            print(f"note: mapping '{mapping.name}' has no tests")
    return 0


def _tables(loaded: Loaded) -> str:
    if not loaded.tables:
        return ""
    rows = sum(map(len, loaded.tables.values()))
    return f", {len(loaded.tables)} lookup tables with {rows} keys"
