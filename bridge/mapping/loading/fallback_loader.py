"""Loader of one mapping file. If the file does not load, the loader falls back to the file's last good version."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from bridge.errors import ConfigError, Problem
from bridge.files import MAX_DOCUMENT_BYTES, FileProblem, read_bytes, shown_name
from bridge.mapping.loading.mapping_loader import load_file
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
    """State of one mapping file after the last attempt to load it.

    - `signature`: the signature of the file at this attempt
    - `digest`: the SHA-256 of the text of the file at this attempt
    - `mapping`: the active mapping, which may be an earlier version of the file, or None if no version is active
    - `resources`: the tables and schemas that were current at this attempt
    - `problems`: the errors in the text of the file. Without errors, `mapping` has been compiled from this text.
    """

    signature: Signature
    digest: bytes
    mapping: Mapping | None
    resources: Resources
    problems: tuple[Problem, ...] = ()


class FallbackLoader:
    """Loader of single mapping files of one folder. Only the thread that reloads the mappings uses this object.

    Before each reload, `LiveMappings` sets two attributes: `resources` to the current tables and schemas, and `names`
    to the number of files for each mapping name.
    """

    def __init__(
        self,
        folder: Path,
        limits: dict[str, int],
        last_good_texts: LastGoodTexts,
        stored_resources: Callable[[], Resources],
        *,
        shared: bool,
    ) -> None:
        """Create a loader for the files of `folder`.

        - `limits`: maximum record sizes (see `compile_mapping`).
        - `stored_resources`: returns the tables and schemas that were active when the bridge last stopped.
        - `shared`: several bridges divide the messages (see `shared_subscription`).
        """
        self.resources = NO_RESOURCES
        self.names: Counter[str] = Counter()
        self._folder = folder
        self._limits = limits
        self._last_good_texts = last_good_texts
        self._stored_resources = stored_resources
        self._shared = shared

    def reload_if_changed(self, file: Path, signature: Signature, known: LoadedFile) -> LoadedFile:
        """Load the file if its text or a resource that it uses has changed. Otherwise, return `known`.

        Each edit of a ConfigMap replaces all of its files, but most files have the same text as before. Files with the
        same text are not compiled again, because compiling 2,000 files takes seconds.
        """
        resources, text = self.resources, read_text(file)
        resources_changed = (known.resources.tables is not resources.tables and uses_lookup(text)) or (
            known.resources.schemas is not resources.schemas and uses_schemas(text)
        )
        # A file with problems is always loaded again, because the cause may have been another file, such as a table.
        if known.problems or resources_changed or self.names[file.stem] > 1 or digest_of(text) != known.digest:
            return self.load(file, signature, text, known)
        # Store the new signature, so that the next scan does not read the file again.
        return replace(known, signature=signature, resources=resources)

    def load(self, file: Path, signature: Signature, text: bytes | None, known: LoadedFile | None = None) -> LoadedFile:
        """Load one file. If it does not load, use its last good version. `known` is the previous state of the file."""
        digest = digest_of(text)
        try:
            mapping = self._load_named(file, text)
        except ConfigError as error:
            # A typing error in a file must not stop its mapping, so the bridge continues with the last good version.
            previous = self._last_good(file, known)
            # Each reload loads the file again, so log a problem only once.
            if known is None or known.problems != error.problems:
                state = "reload failed; still running the previous version" if previous else "not loaded"
                log.error("mapping %s: %s\n%s", shown_name(file.name), state, error)
            return LoadedFile(signature, digest, previous, self.resources, error.problems)
        if known is not None and known.signature != signature:
            log.info("mapping reloaded", extra={"file": file.name})
        if self._shared and (warning := order_warning(mapping)):
            log.warning("mapping %s: %s", file.name, warning)
        if text is not None:
            self._last_good_texts.record(file.name, text)
        return LoadedFile(signature, digest, mapping, self.resources)

    def _load_named(self, file: Path, text: bytes | None) -> Mapping:
        """Compile a file and run its tests. Raise ConfigError if this fails.

        It is also an error if two files define the same mapping name, such as `press.yaml` and `press.yml`.
        """
        if self.names[file.stem] > 1:
            message = f"another file also gives a mapping the name '{file.stem}': rename one of the files"
            raise ConfigError([Problem(self._shown(file), 0, 0, "", message)])
        resources, shown = self.resources, self._shown(file)
        return load_file(file, self._limits, resources, text=text, shown_as=shown, shared=self._shared)

    def _last_good(self, file: Path, known: LoadedFile | None) -> Mapping | None:
        """Return the last good version of a file that does not load, or None.

        The following versions are tried in this order:

        1. the active mapping, if it was compiled with the current tables and schemas
        2. the last good text, compiled with the current tables and schemas
        3. the active mapping, although it was compiled with earlier tables and schemas
        4. after a restart, when no mapping is active yet: the last good text, compiled with the tables and schemas that
           were active when the bridge last stopped
        """
        if known is not None and known.resources is self.resources:
            return known.mapping
        kept = self._load_last_good(file, self.resources)
        if kept is not None or known is not None:
            return kept or (known.mapping if known is not None else None)
        return self._load_last_good(file, self._stored_resources())

    def _load_last_good(self, file: Path, resources: Resources) -> Mapping | None:
        """Compile the last good text of a file. Return None if no text is stored, or if the text does not load."""
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
    """Return the file's text, or None if it cannot be read. `load_file` reads the file again and reports the error."""
    try:
        return read_bytes(file, MAX_DOCUMENT_BYTES)
    except FileProblem:
        return None


def digest_of(text: bytes | None) -> bytes:
    """Return the SHA-256 of a file's text, or b"" for a file that cannot be read."""
    return b"" if text is None else sha256(text).digest()
