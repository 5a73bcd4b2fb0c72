"""The active lookup tables, which are loaded again when their files change.

If a table does not load, its last good version stays active. This version is also stored on disk, for the next start of
the bridge. All tables are stored together, after all mappings that use `lookup` have loaded with these tables. If the
tests of a mapping fail with a new table, the mapping stays active with the earlier table, and the new table is not
stored. So after a restart, the mapping still has the earlier table.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.errors import ConfigError, Problem
from bridge.files import replace_file, shown_name
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
    """State of one table file after the last attempt to load it.

    `signature` is the signature of the file at this attempt. `table` is the active table, which may be an earlier
    version, or None if no version is active. `problems` are empty if the file has loaded.
    """

    signature: Signature
    table: Mapping[str, Any] | None
    problems: tuple[Problem, ...] = ()


class LiveLookupTables:
    """The active lookup tables. `tables` contains the tables by name.

    Only the thread that reloads the mappings uses this object, but any thread may read `problems`.
    """

    def __init__(self, mappings: Path, kept: Path) -> None:
        """Watch the tables beside the mapping files. `kept` is the folder in which last good versions are stored."""
        self.tables: Tables = EMPTY
        self._mappings = mappings
        self._kept = kept
        self._files: dict[Path, _TableFile] = {}
        # Signatures of the files whose current version is stored on disk.
        self._stored_signatures: dict[Path, Signature] = {}

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Problems of the table files that do not load."""
        files = self._files
        return tuple(problem for file in files.values() for problem in file.problems)

    @property
    def loaded(self) -> dict[Path, Signature]:
        """Signatures of the files when they were last loaded."""
        return {file: state.signature for file, state in self._files.items()}

    def scan(self) -> dict[Path, Signature]:
        """Return the signatures of the files that exist now."""
        return signatures(table_files(self._mappings))

    def reload(self, *, every: bool = False) -> bool:
        """Load the changed files, or all files if `every` is True. Return True if a table has changed.

        If a table has changed, `tables` is replaced by a new object.
        """
        found = self.scan()
        # Two files with the same table name are an error. So if a file was added or removed, load all files again.
        every = every or found.keys() != self._files.keys()
        files: dict[Path, _TableFile] = {}
        for file, signature in sorted(found.items()):
            known = self._files.get(file)
            same = known is not None and known.signature == signature and not every
            files[file] = known if same and known is not None else self._load(file, signature, sorted(found))
        for file in self._files.keys() - files.keys():
            log.info("lookup table removed", extra={"file": shown_name(file.name)})
        # Compare the tables by identity. A table that was loaded again counts as changed, even if its contents are
        # equal.
        before = [state.table for state in self._files.values()]
        after = [state.table for state in files.values()]
        changed = len(before) != len(after) or any(one is not other for one, other in zip(before, after, strict=True))
        self._files = files
        if changed:
            self.tables = {file.stem: state.table for file, state in files.items() if state.table is not None}
        return changed

    def stored(self) -> Tables:
        """Return the tables that were active when the bridge last stopped."""
        return load_tables(self._kept, shown_as=str(self._kept)).tables

    def store(self) -> None:
        """Store the active tables on disk.

        An error is only logged. New tables stay active even if the disk is full.
        """
        good = {file: state.signature for file, state in self._files.items() if not state.problems}
        # Compare the signatures and not the contents, so that no file is read if nothing has changed.
        if good == self._stored_signatures:
            return
        folder = self._kept / FOLDER
        try:
            # Write only the files that have changed since the last call.
            for file in good.keys() - {file for file in good if self._stored_signatures.get(file) == good[file]}:
                replace_file(folder / file.name, file.read_bytes())
            # Delete the stored versions of removed tables. `names` also contains the tables that do not load, because
            # the next start needs their stored versions.
            names = {file.name for file in self._files}
            for old in table_files(self._kept):
                if old.name not in names:
                    old.unlink(missing_ok=True)
        except OSError as error:
            log.warning("cannot store the lookup tables in %s: %s", folder, error.strerror)
        else:
            self._stored_signatures = good

    def _load(self, file: Path, signature: Signature, files: list[Path]) -> _TableFile:
        """Load one file. If it does not load, use its last good version, from memory or from disk."""
        known = self._files.get(file)
        try:
            table = load_table(file, files, shown_as=f"{self._mappings.name}/{FOLDER}/{file.name}")
        except ConfigError as error:
            previous = known.table if known else self._load_last_good(file)
            # Each reload loads the file again, so log a problem only once.
            if known is None or known.problems != error.problems:
                state = "reload failed; still running the previous version" if previous is not None else "not loaded"
                log.error("lookup table %s: %s\n%s", shown_name(file.name), state, error)
            return _TableFile(signature, previous, error.problems)
        if known is not None and known.signature != signature:
            log.info("lookup table reloaded", extra={"file": file.name})
        return _TableFile(signature, table)

    def _load_last_good(self, file: Path) -> Mapping[str, Any] | None:
        """Return the stored version of a table, or None if no version is stored or the stored version does not load."""
        kept = self._kept / FOLDER / file.name
        try:
            return load_table(kept, [kept], shown_as=str(kept)) if kept.exists() else None
        except ConfigError as error:
            log.warning("the last good version of %s no longer loads either: %s", file.name, error)
            return None
