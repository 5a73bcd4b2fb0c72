"""Loading of one mapping file, with its last good version if the file does not load."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from bridge.errors import ConfigError, Problem
from bridge.files import MAX_DOCUMENT_BYTES, FileProblem, read_bytes
from bridge.mapping.loading.loader import load_file
from bridge.mapping.loading.resources import NO_RESOURCES, Resources, uses_lookup, uses_schemas
from bridge.mapping.loading.shared_subscription import order_warning

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bridge.mapping.loading.folder_watch import Signature
    from bridge.mapping.loading.last_good import LastGoodTexts
    from bridge.mapping.mapping import Mapping

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """State of one file: its signature when it was last loaded, the active mapping, and the problems of the file.

    `resources` are the tables and schemas that it was loaded with. `digest` is the SHA-256 of its text.
    """

    signature: Signature
    digest: bytes
    mapping: Mapping | None
    resources: Resources
    problems: tuple[Problem, ...] = ()


class FileLoader:
    """Loader of the mapping files in one folder, one at a time. Only the thread that reloads the mappings uses it.

    `resources` are the current tables and schemas, `names` counts the files of each name. The owner sets both before it
    loads files. `remembered` returns the tables and schemas that were active when the bridge last stopped.
    """

    def __init__(
        self,
        folder: Path,
        limits: dict[str, int],
        last_good_texts: LastGoodTexts,
        remembered: Callable[[], Resources],
        *,
        shared: bool,
    ) -> None:
        """Load files of `folder`. `limits` is passed to each mapping. `shared`: several bridges divide the messages."""
        self.resources = NO_RESOURCES
        self.names: Counter[str] = Counter()
        self._folder = folder
        self._limits = limits
        self._last_good_texts = last_good_texts
        self._remembered = remembered
        self._shared = shared

    def reload_if_changed(self, file: Path, signature: Signature, known: LoadedFile) -> LoadedFile:
        """Return the known mapping if compiling the file again would produce the same mapping.

        This matters because compiling 2,000 files takes seconds. Each edit of a ConfigMap replaces all of its files,
        but most of them have the same text as before.
        """
        resources, text = self.resources, read_text(file)
        others = (known.resources.tables is not resources.tables and uses_lookup(text)) or (
            known.resources.schemas is not resources.schemas and uses_schemas(text)
        )
        # A file with problems is always loaded again, because a table or a file of the same name may have been the
        # cause.
        if known.problems or others or self.names[file.stem] > 1 or digest_of(text) != known.digest:
            return self.load(file, signature, text, known)
        # The signature is updated, so that the text is not read again at the next scan.
        return replace(known, signature=signature, resources=resources)

    def load(self, file: Path, signature: Signature, text: bytes | None, known: LoadedFile | None = None) -> LoadedFile:
        """Load one file. If that fails, use its last good version. `known` is the previous state of the file."""
        digest = digest_of(text)
        try:
            mapping = self._load_named(file, text)
        except ConfigError as error:
            # The bridge continues with the last good version, so that a typing error does not stop a mapping.
            previous = self._last_good(file, known)
            # Log a problem once, not with every reload.
            if known is None or known.problems != error.problems:
                state = "reload failed; still running the previous version" if previous else "not loaded"
                log.error("mapping %s: %s\n%s", file.name, state, error)
            return LoadedFile(signature, digest, previous, self.resources, error.problems)
        if known is not None and known.signature != signature:
            log.info("mapping reloaded", extra={"file": file.name})
        if self._shared and (warning := order_warning(mapping)):
            log.warning("mapping %s: %s", file.name, warning)
        if text is not None:
            self._last_good_texts.keep(file.name, text)
        return LoadedFile(signature, digest, mapping, self.resources)

    def _load_named(self, file: Path, text: bytes | None) -> Mapping:
        """Compile a file and run its tests.

        Raise ConfigError if the file does not load, or if another file has the same name with another suffix.
        """
        if self.names[file.stem] > 1:
            message = f"another file gives a mapping the name '{file.stem}' too: rename one of them"
            raise ConfigError([Problem(self._shown(file), 0, 0, "", message)])
        resources, shown = self.resources, self._shown(file)
        return load_file(file, self._limits, resources, text=text, shown_as=shown, shared=self._shared)

    def _last_good(self, file: Path, known: LoadedFile | None) -> Mapping | None:
        """Return the last good version of a file that does not load, or None.

        The following versions are tried in this order:

        1. the active mapping, if the tables and schemas have not changed
        2. the last good text with the current tables and schemas
        3. the active mapping with the earlier tables and schemas
        4. after a restart, the last good text with the stored tables and schemas
        """
        # The active mapping already uses the current tables and schemas, so it is the best version.
        if known is not None and known.resources is self.resources:
            return known.mapping
        kept = self._load_last_good(file, self.resources)
        if kept is not None or known is not None:
            return kept or (known.mapping if known is not None else None)
        return self._load_last_good(file, self._remembered())

    def _load_last_good(self, file: Path, resources: Resources) -> Mapping | None:
        """Compile the last good text of a file. Return None if there is none, or if it does not load."""
        text = self._last_good_texts.get(file.name)
        if text is None:
            return None
        try:
            shown = f"last good version of {file.name}"
            return load_file(file, self._limits, resources, text=text, shown_as=shown, shared=self._shared)
        except ConfigError as error:
            log.warning("the last good version of %s no longer loads either: %s", file.name, error)
            return None

    def _shown(self, file: Path) -> str:
        return f"{self._folder.name}/{file.name}"


def read_text(file: Path) -> bytes | None:
    """Return the file's text, or None if it cannot be read; `load_file` then reports the problem."""
    try:
        return read_bytes(file, MAX_DOCUMENT_BYTES)
    except FileProblem:
        return None


def digest_of(text: bytes | None) -> bytes:
    """Return the SHA-256 of a file's text; b"" for a file that cannot be read."""
    return b"" if text is None else sha256(text).digest()
