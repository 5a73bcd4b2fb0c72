"""The active lookup tables, which follow the files in their folder.

If a table does not load, its last good version stays active, even after a restart. The stored versions form one
consistent set, which is written only after all mappings that use `lookup` have loaded with it. If a mapping's tests
fail with a new table, the mapping therefore stays active with the earlier table, even after a restart.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.errors import ConfigError, Problem
from bridge.files import replace_file
from bridge.mapping.expressions.expression import EMPTY
from bridge.mapping.loading.folder_watch import Signature, signatures
from bridge.mapping.loading.lookup_tables import FOLDER, load_table, load_tables, table_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bridge.mapping.expressions.expression import Tables

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _TableFile:
    """State of one file: its signature when it was last loaded, the active table, and the problems of the file."""

    signature: Signature
    table: Mapping[str, Any] | None
    problems: tuple[Problem, ...] = ()


class LiveLookupTables:
    """The active tables. Only the thread that reloads the mappings uses them, but any thread may read `problems`."""

    def __init__(self, mappings: Path, kept: Path) -> None:
        """Follow the tables beside the `mappings`. `kept` is the folder in which the active set is stored."""
        self.tables: Tables = EMPTY
        self._mappings = mappings
        self._last_good_texts = kept
        self._files: dict[Path, _TableFile] = {}
        self._remembered: dict[Path, Signature] = {}

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Problems of the current files."""
        files = self._files
        return tuple(problem for file in files.values() for problem in file.problems)

    @property
    def loaded(self) -> dict[Path, Signature]:
        """Signatures of the files when they were last loaded."""
        return {file: state.signature for file, state in self._files.items()}

    def look(self) -> dict[Path, Signature]:
        """Return the signatures of the files that exist now."""
        return signatures(table_files(self._mappings))

    def reload(self, *, every: bool = False) -> bool:
        """Load the changed files (or every file). Return True if the set has changed; `tables` is then a new object."""
        found = self.look()
        every = every or found.keys() != self._files.keys()  # two files with one name are a problem of both of them
        files: dict[Path, _TableFile] = {}
        for file, signature in sorted(found.items()):
            known = self._files.get(file)
            same = known is not None and known.signature == signature and not every
            files[file] = known if same and known is not None else self._load(file, signature, sorted(found))
        for file in self._files.keys() - files.keys():
            log.info("lookup table removed", extra={"file": file.name})
        # The comparison is by identity: a table that was loaded again is a new object, and mappings must be compiled
        # with it.
        before = [state.table for state in self._files.values()]
        after = [state.table for state in files.values()]
        changed = len(before) != len(after) or any(one is not other for one, other in zip(before, after, strict=True))
        self._files = files
        if changed:
            self.tables = {file.stem: state.table for file, state in files.items() if state.table is not None}
        return changed

    def remembered(self) -> Tables:
        """Return the set that was active when the bridge last stopped."""
        return load_tables(self._last_good_texts, shown_as=str(self._last_good_texts)).tables

    def remember(self) -> None:
        """Store the active set on disk.

        An error is only logged: a full disk must not stop the set from being active.
        """
        good = {file: state.signature for file, state in self._files.items() if not state.problems}
        # The signatures are compared, not the contents, so that no file is read if nothing has changed.
        if good == self._remembered:
            return
        folder = self._last_good_texts / FOLDER
        try:
            # Write only the files that have changed since the last call.
            for file in good.keys() - {file for file in good if self._remembered.get(file) == good[file]}:
                replace_file(folder / file.name, file.read_bytes())
            names = {file.name for file in self._files}
            # Delete removed tables. A table that does not load is still in `names`, because its stored version is
            # needed.
            for old in table_files(self._last_good_texts):
                if old.name not in names:
                    old.unlink(missing_ok=True)
        except OSError as error:
            log.warning("cannot store the lookup tables in %s: %s", folder, error.strerror)
        else:
            self._remembered = good

    def _load(self, file: Path, signature: Signature, files: list[Path]) -> _TableFile:
        """Load one file. If that fails, use the last good version: the one in memory, or else the stored one."""
        known = self._files.get(file)
        try:
            table = load_table(file, files, shown_as=f"{self._mappings.name}/{FOLDER}/{file.name}")
        except ConfigError as error:
            previous = known.table if known else self._load_last_good(file)
            # Log a problem once, not with every reload.
            if known is None or known.problems != error.problems:
                state = "reload failed; still running the previous version" if previous is not None else "not loaded"
                log.error("lookup table %s: %s\n%s", file.name, state, error)
            return _TableFile(signature, previous, error.problems)
        if known is not None and known.signature != signature:
            log.info("lookup table reloaded", extra={"file": file.name})
        return _TableFile(signature, table)

    def _load_last_good(self, file: Path) -> Mapping[str, Any] | None:
        """Return the stored version of a table, or None if it is missing or does not load."""
        kept = self._last_good_texts / FOLDER / file.name
        try:
            return load_table(kept, [kept], shown_as=str(kept)) if kept.exists() else None
        except ConfigError as error:
            log.warning("the last good version of %s no longer loads either: %s", file.name, error)
            return None
