"""The current schema files, which follow the files in their folder.

After all mappings have loaded with the current versions, these are stored in the spool's folder. If a file is broken
later, the mappings that use it stay active with the stored version, even after a restart.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bridge.files import replace_file
from bridge.mapping.loading.folder_watch import Signature, signatures
from bridge.mapping.loading.schema_files import FOLDER, load_schema_files, schema_files
from bridge.payloads.schema_files import NO_SCHEMA_FILES, SchemaFiles

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.errors import Problem

log = logging.getLogger(__name__)


class LiveSchemaFiles:
    """The schema files. Only the thread that reloads the mappings uses them, but any thread may read `problems`."""

    def __init__(self, mappings: Path, kept: Path) -> None:
        """Follow the files beside the `mappings`. `kept` is the folder in which good versions are stored."""
        self.files: SchemaFiles = NO_SCHEMA_FILES
        self.problems: tuple[Problem, ...] = ()
        self.loaded: dict[Path, Signature] = {}
        """Signatures of the files when they were last read."""
        self._mappings = mappings
        self._kept = kept
        self._remembered: SchemaFiles = NO_SCHEMA_FILES

    def look(self) -> dict[Path, Signature]:
        """Return the signatures of the files that exist now."""
        return signatures(schema_files(self._mappings).values())

    def reload(self, *, every: bool = False) -> bool:
        """Read the files if one has changed, or if requested. Return True if their contents have changed."""
        found = self.look()
        if found == self.loaded and not every:
            return False
        self.loaded = found
        read = load_schema_files(self._mappings, shown_as=self._mappings.name)
        self.problems = tuple(read.problems)
        if read.files == self.files:
            return False
        for name in sorted(name for name in read.files if read.files[name] != self.files.get(name)):
            log.info("schema file read", extra={"file": name})
        self.files = read.files
        return True

    def remembered(self) -> SchemaFiles:
        """Return the versions that were good when the bridge last stopped."""
        return load_schema_files(self._kept, shown_as=str(self._kept)).files

    def remember(self) -> None:
        """Store the current versions on disk.

        An error is only logged: a full disk must not stop them from being used.
        """
        if self.files == self._remembered:
            return
        folder = self._kept / FOLDER
        try:
            for name, content in self.files.items():
                if self._remembered.get(name) != content:
                    replace_file(folder / name, content)
            for name, file in schema_files(self._kept).items():
                if name not in self.files:
                    file.unlink(missing_ok=True)
        except OSError as error:
            log.warning("cannot store the schema files in %s: %s", folder, error.strerror)
        else:
            self._remembered = self.files
