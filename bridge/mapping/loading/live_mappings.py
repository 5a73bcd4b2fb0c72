"""The active mappings, which follow the files in their folder while the bridge runs.

Twice a second, the bridge lists names, sizes, times and inodes of the files in the folder. Unlike change events, this
works for editors that rename files, symbolic links of Kubernetes ConfigMaps, network file systems and bind mounts.

A changed file is loaded when two consecutive scans see the same version, so that a half-written file causes no error.
It is loaded after one second at the latest, so that even a file that changes all the time becomes active.

If a file does not load, its last good version stays active. Each version that becomes active is stored in the spool's
folder, so that this also holds after a restart. The lookup tables and schema files beside the mappings are followed in
the same way. When one changes, the mappings that use them are compiled again.

A folder that is suddenly empty or missing is treated as an accident (an unmounted disk), not as a request to stop every
mapping.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from bridge.errors import Problem
from bridge.mapping.loading.file_loader import FileLoader, digest_of, read_text
from bridge.mapping.loading.folder_watch import FolderWatch
from bridge.mapping.loading.last_good import LastGoodTexts
from bridge.mapping.loading.live_lookup_tables import LiveLookupTables
from bridge.mapping.loading.live_schema_files import LiveSchemaFiles
from bridge.mapping.loading.loader import is_mapping_name
from bridge.mapping.loading.reload_report import reload_report
from bridge.mapping.loading.resources import Resources, uses_lookup, uses_schemas
from bridge.mapping.router import Router

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bridge.mapping.loading.file_loader import LoadedFile
    from bridge.mapping.loading.folder_watch import Signature
    from bridge.mapping.loading.reload_report import ReloadReport

log = logging.getLogger(__name__)

# A scan of 2,000 files twice a second uses 2.4 % of a core (see `FolderWatch`).
LOOK_SECS = 0.5
"""Time between two scans of the folder."""
LATEST_SECS = 1.0
"""Max delay between the scan that finds a change and the reload."""


class StopSignal(Protocol):
    """Contract of a stop signal, such as `threading.Event`. The watching thread calls `wait` between two scans."""

    def wait(self, timeout: float, /) -> bool:
        """Block for at most `timeout` seconds; return True as soon as the signal is set, else False."""
        ...


class LiveMappings:
    """The active mappings and their problems.

    One thread owns `reload` and `watch`. Any thread may use `request_reload`, `reloading`, `routes` and `problems`.
    """

    def __init__(
        self, folder: Path, kept: Path, *, shared: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Follow the mappings in `folder`; nothing is loaded before `reload`.

        `kept` is the folder for active versions, created when needed. `shared`: several bridges divide the messages.
        """
        self.limits: dict[str, int] = {}
        self.on_change: Callable[[Router], None] = lambda _routes: None
        self.on_reload: Callable[[ReloadReport], None] = lambda _report: None
        """Callback on the thread of `reload` with the changes, if there are any."""
        self.reloads = 0
        self.reloaded_at = 0.0
        self.fingerprint = ""
        """12 hexadecimal digits; equal texts of the active mapping files have equal fingerprints."""
        self._folder = folder
        self._files_there = FolderWatch(folder, is_mapping_name)
        self._last_good_texts = LastGoodTexts(kept)
        self._shared = shared
        self._clock = clock
        self._files: dict[Path, LoadedFile] = {}
        self._tables = LiveLookupTables(folder, kept)
        self._schemas = LiveSchemaFiles(folder, kept)
        self._loader = FileLoader(folder, self.limits, self._last_good_texts, self._remembered, shared=shared)
        self._folder_problem: tuple[Problem, ...] = ()
        self._asked = threading.Event()
        self._answering = False
        self.routes = Router(())

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Problems of the current files; empty if the current version of every file is active."""
        files = self._files
        of_mappings = tuple(problem for file in files.values() for problem in file.problems)
        return self._folder_problem + self._tables.problems + self._schemas.problems + of_mappings

    @property
    def folder(self) -> Path:
        """The folder that is watched."""
        return self._folder

    @property
    def failing(self) -> tuple[str, ...]:
        """Names of the mappings whose files do not load, with or without a last good version."""
        return tuple(file.stem for file, state in self._files.items() if state.problems)

    @property
    def shared(self) -> bool:
        """True if several bridges divide the messages."""
        return self._shared

    def active_digest(self, name: str) -> str:
        """Return the SHA-256 of a mapping's file in hexadecimal; "" if the file's version is not the active one."""
        states = (state for file, state in self._files.items() if file.stem == name)
        return next((state.digest.hex() for state in states if not state.problems), "")

    def request_reload(self) -> Callable[[], bool]:
        """Request a reload of every file at the next scan (SIGHUP).

        Return a function that is True until the reload has finished.
        """
        self._asked.set()
        return self.reloading

    def reloading(self) -> bool:
        """Return True while a requested reload has not finished."""
        return self._asked.is_set() or self._answering

    def watch(self, stopping: StopSignal) -> None:
        """Reload changed files until `stopping` is set. This is the body of a thread."""
        seen, changed_at = self._scan(), None
        while not stopping.wait(LOOK_SECS):
            if self._asked.is_set():
                self._answering = True  # set before `_asked` is cleared: `reloading` must see one of them
                self._asked.clear()
                try:
                    self.reload(every=True)
                finally:
                    self._answering = False
                seen, changed_at = self._scan(), None
                continue
            now = self._scan()
            if now == self._loaded() and not self._folder_problem:
                seen, changed_at = now, None
                continue
            changed_at = self._clock() if changed_at is None else changed_at
            # After two equal scans, the file is probably complete. After LATEST_SECS, it is loaded in any case.
            if now == seen or self._clock() - changed_at >= LATEST_SECS:
                self.reload()
                changed_at = None
            seen = now

    def reload(self, *, every: bool = False) -> None:
        """Load the changed files (or every file), and activate the result as one set."""
        found = self._look()
        if not found:
            self._on_empty_folder()
            return
        self._folder_problem = ()
        self._loader.names = Counter(file.stem for file in found)
        # Tables and schemas come first, because mappings are compiled with them. A new table or schema counts as a
        # change of every mapping file. `FileLoader.reload_if_changed` decides which mappings use it.
        changed = [self._tables.reload(every=every), self._schemas.reload(every=every)]
        if any(changed):
            self._loader.resources = Resources(self._tables.tables, self._schemas.files)
            every = True
        files: dict[Path, LoadedFile] = {}
        for file, signature in sorted(found.items()):
            known = self._files.get(file)
            if known is None:
                files[file] = self._loader.load(file, signature, read_text(file))
            elif every or known.signature != signature:
                files[file] = self._loader.reload_if_changed(file, signature, known)
            else:
                files[file] = known
        self._take_over(files)
        self._last_good_texts.forget_all_but({file.name for file in files})
        self._last_good_texts.write()
        # While a mapping that uses a table or a schema does not load, its last good version needs the stored tables and
        # schemas. So do not replace them.
        failing = [read_text(file) for file, state in files.items() if state.problems]
        if not any(map(uses_lookup, failing)):
            self._tables.remember()
        if not any(map(uses_schemas, failing)):
            self._schemas.remember()

    def _take_over(self, files: dict[Path, LoadedFile]) -> None:
        """Store `files` as the current state, activate the changes, and report them."""
        before, self._files = self._files, files
        for file in before.keys() - files.keys():
            log.info("mapping removed", extra={"file": file.name})
        # At the start, one line with the number of mappings is logged instead.
        for file in [file for file in files if before and file not in before and not files[file].problems]:
            log.info("mapping added", extra={"file": file.name})
        if [state.mapping for state in files.values()] != [state.mapping for state in before.values()]:
            self._activate()
        if report := reload_report(before, files):
            self.on_reload(report)

    def _activate(self) -> None:
        """Activate the loaded mappings as one new Router, and notify `on_change`."""
        routes = Router([state.mapping for state in self._files.values() if state.mapping is not None])
        self.routes = routes
        self.reloads += 1
        self.reloaded_at = time.time()
        self.fingerprint = self._fingerprint()
        self.on_change(routes)

    def _fingerprint(self) -> str:
        """Return the fingerprint. A file that does not load counts with its last good version."""
        found = sha256()
        for file, state in sorted(self._files.items()):
            if state.mapping is not None:
                digest = digest_of(self._last_good_texts.get(file.name)) if state.problems else state.digest
                found.update(file.name.encode() + b"\0" + digest)
        return found.hexdigest()[:12]

    def _on_empty_folder(self) -> None:
        """Report the empty folder as a problem, log it once, and do not change the active mappings."""
        if self._files and not self._folder_problem:
            log.error("%s contains no mapping file any more; the active mappings stay", self._folder)
        keeping = (
            "; the active mappings stay until there is one (to stop them all, stop the bridge)" if self._files else ""
        )
        self._folder_problem = (Problem(str(self._folder), 0, 0, "", f"no mapping file (*.yaml) here{keeping}"),)

    def _remembered(self) -> Resources:
        return Resources(self._tables.remembered(), self._schemas.remembered())

    def _look(self) -> dict[Path, Signature]:
        """Return the signatures of the mapping files that exist now."""
        try:
            return self._files_there.look()
        except OSError:
            return {}  # `reload` treats an unreadable folder like an empty one

    def _scan(self) -> dict[Path, Signature]:
        """Return the signatures of the mapping, table and schema files that exist now."""
        return self._look() | self._tables.look() | self._schemas.look()

    def _loaded(self) -> dict[Path, Signature]:
        """Return the signatures of all files when they were last loaded."""
        return (
            {file: state.signature for file, state in self._files.items()} | self._tables.loaded | self._schemas.loaded
        )
