"""The current schema files, which are read again when they change.

After all mappings have loaded with the current versions, these versions are stored in the spool's folder. If a later
version of a file is broken, the mappings that use this file stay active with the earlier version. After a restart,
these mappings are compiled with the stored version.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bridge.files import replace_file, shown_name
from bridge.mapping.loading.folder_watch import Signature, signatures
from bridge.mapping.loading.schema_files import FOLDER, load_schema_files, schema_files
from bridge.payloads.schema_files import NO_SCHEMA_FILES, SchemaFiles

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.errors import Problem

log = logging.getLogger(__name__)


class LiveSchemaFiles:
    """The current schema files. `files` contains their contents by path.

    Only the thread that reloads the mappings uses this object, but any thread may read `problems`.
    """

    def __init__(self, mappings: Path, kept: Path) -> None:
        """Watch the schema files beside the mapping files. `kept` is the folder in which good versions are stored."""
        self.files: SchemaFiles = NO_SCHEMA_FILES
        self.problems: tuple[Problem, ...] = ()
        self.loaded: dict[Path, Signature] = {}
        """Signatures of the files when they were last read."""
        self._mappings = mappings
        self._kept = kept
        # Versions that are stored on disk.
        self._stored_files: SchemaFiles = NO_SCHEMA_FILES

    def scan(self) -> dict[Path, Signature]:
        """Return the signatures of the files that exist now."""
        return signatures(schema_files(self._mappings).values())

    def reload(self, *, every: bool = False) -> bool:
        """Read all files if a file has changed, or if `every` is True. Return whether the contents have changed."""
        found = self.scan()
        if found == self.loaded and not every:
            return False
        self.loaded = found
        read = load_schema_files(self._mappings, shown_as=self._mappings.name)
        self.problems = tuple(read.problems)
        # Each edit of a ConfigMap replaces all of its files, so a new file may have the same contents as before.
        if read.files == self.files:
            return False
        for name in sorted(name for name in read.files if read.files[name] != self.files.get(name)):
            log.info("schema file read", extra={"file": shown_name(name)})
        self.files = read.files
        return True

    def stored(self) -> SchemaFiles:
        """Return the versions that were stored before the bridge last stopped."""
        return load_schema_files(self._kept, shown_as=str(self._kept)).files

    def store(self) -> None:
        """Store the current versions on disk.

        An error is only logged. New versions are used even if the disk is full.
        """
        if self.files == self._stored_files:
            return
        folder = self._kept / FOLDER
        try:
            for name, content in self.files.items():
                if self._stored_files.get(name) != content:
                    replace_file(folder / name, content)
            for name, file in schema_files(self._kept).items():
                if name not in self.files:
                    file.unlink(missing_ok=True)
        except OSError as error:
            log.warning("cannot store the schema files in %s: %s", folder, error.strerror)
        else:
            self._stored_files = self.files
