"""The active mappings. While the bridge runs, changed files in the folder are loaded again.

Twice a second, the bridge reads the names, sizes, times and inodes of the files in the folder. It uses no change events
of the operating system. Such events are unreliable with editors that rename files, with the symbolic links of
Kubernetes ConfigMaps, with network file systems, and with bind mounts.

A changed file is loaded when two consecutive scans see the same version, so that a half-written file causes no error.
After one second, the file is loaded in any case, so that even a file that changes all the time becomes active.

If a file does not load, its last good version stays active. Each version that becomes active is stored in the spool's
folder, so that the last good version is still known after a restart. The bridge also watches the lookup tables and
schema files beside the mappings. When a table or schema changes, the mappings that use this file are compiled again.

If the folder is suddenly empty or missing, the active mappings stay. The reason is probably an accident, such as an
unmounted disk, and not a request to stop every mapping.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from bridge.errors import Problem
from bridge.files import shown_name
from bridge.mapping.loading.fallback_loader import FallbackLoader, digest_of, read_text
from bridge.mapping.loading.folder_watch import FolderWatch
from bridge.mapping.loading.last_good import LastGoodTexts
from bridge.mapping.loading.live_lookup_tables import LiveLookupTables
from bridge.mapping.loading.live_schema_files import LiveSchemaFiles
from bridge.mapping.loading.mapping_loader import is_mapping_name
from bridge.mapping.loading.reload_report import reload_report
from bridge.mapping.loading.resources import Resources, uses_lookup, uses_schemas
from bridge.mapping.router import Router

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bridge.mapping.loading.fallback_loader import LoadedFile
    from bridge.mapping.loading.folder_watch import Signature
    from bridge.mapping.loading.reload_report import ReloadReport

log = logging.getLogger(__name__)

# With 2,000 files, two scans per second take 2.4 % of a core (see `FolderWatch`).
SCAN_SECS = 0.5
"""Time between two scans of the folder."""
MAX_DELAY_SECS = 1.0
"""Maximum time between the scan that finds a change and the reload."""


class StopSignal(Protocol):
    """Contract of a stop signal, such as `threading.Event`.

    The thread that runs `LiveMappings.watch` calls `wait` between two scans.
    """

    def wait(self, timeout: float, /) -> bool:
        """Block until the signal is set, at most `timeout` seconds. Return whether the signal is set."""
        ...


class LiveMappings:
    """The active mappings and their problems.

    One thread owns `reload` and `watch`. Any thread may use `request_reload`, `reloading`, `routes` and `problems`.
    """

    def __init__(
        self, folder: Path, kept: Path, *, shared: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Create an empty set of mappings. The first call of `reload` loads the files in `folder`.

        - `kept`: the folder in which active versions are stored. The folder is created when the first version is
          stored.
        - `shared`: several bridges divide the messages (see `shared_subscription`).
        """
        self.limits: dict[str, int] = {}
        """Maximum record sizes by destination, which all mappings read (see `compile_mapping`)."""
        self.on_change: Callable[[Router], None] = lambda _routes: None
        """Callback with the new active mappings. The thread of `reload` calls the function."""
        self.on_reload: Callable[[ReloadReport], None] = lambda _report: None
        """Callback with the report of a reload that changed something. The thread of `reload` calls the function."""
        self.reloads = 0
        self.reloaded_at = 0.0
        self.fingerprint = ""
        """Digest of the texts of all active mapping files: 12 hexadecimal digits. Equal texts have equal digests."""
        self._folder = folder
        self._folder_watch = FolderWatch(folder, is_mapping_name)
        self._last_good_texts = LastGoodTexts(kept)
        self._shared = shared
        self._clock = clock
        self._files: dict[Path, LoadedFile] = {}
        self._tables = LiveLookupTables(folder, kept)
        self._schemas = LiveSchemaFiles(folder, kept)
        self._loader = FallbackLoader(folder, self.limits, self._last_good_texts, self._stored_resources, shared=shared)
        self._folder_problem: tuple[Problem, ...] = ()
        self._reload_requested = threading.Event()
        self._reload_running = False
        self.routes = Router(())

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Problems of all files and of the folder. Empty if the current version of every file is active."""
        files = self._files
        of_mappings = tuple(problem for file in files.values() for problem in file.problems)
        return self._folder_problem + self._tables.problems + self._schemas.problems + of_mappings

    @property
    def folder(self) -> Path:
        """Folder with the mapping files."""
        return self._folder

    @property
    def failing(self) -> tuple[str, ...]:
        """Names of the mappings whose files do not load. Earlier versions of these mappings may be active."""
        return tuple(shown_name(file.stem) for file, state in self._files.items() if state.problems)

    @property
    def shared(self) -> bool:
        """True if several bridges divide the messages."""
        return self._shared

    def active_digest(self, name: str) -> str:
        """Return the SHA-256 of a mapping's file in hexadecimal, or "" if the current version is not active."""
        states = (state for file, state in self._files.items() if file.stem == name)
        return next((state.digest.hex() for state in states if not state.problems), "")

    def request_reload(self) -> Callable[[], bool]:
        """Request a reload of every file at the next scan (SIGHUP).

        Return a function that returns True until the reload has finished.
        """
        self._reload_requested.set()
        return self.reloading

    def reloading(self) -> bool:
        """Return whether a requested reload has not finished yet."""
        return self._reload_requested.is_set() or self._reload_running

    def watch(self, stopping: StopSignal) -> None:
        """Reload changed files until `stopping` is set. A thread runs this method."""
        seen, changed_at = self._scan(), None
        while not stopping.wait(SCAN_SECS):
            if self._reload_requested.is_set():
                # Set one flag before clearing the other flag: `reloading` runs on another thread, and must see at least
                # one flag.
                self._reload_running = True
                self._reload_requested.clear()
                try:
                    self.reload(every=True)
                finally:
                    self._reload_running = False
                seen, changed_at = self._scan(), None
                continue
            now = self._scan()
            if now == self._loaded() and not self._folder_problem:
                seen, changed_at = now, None
                continue
            changed_at = self._clock() if changed_at is None else changed_at
            # After two equal scans, the file is probably complete. After MAX_DELAY_SECS, load it in any case.
            if now == seen or self._clock() - changed_at >= MAX_DELAY_SECS:
                self.reload()
                changed_at = None
            seen = now

    def reload(self, *, every: bool = False) -> None:
        """Load the changed files, or all files if `every` is True. Then activate all changes at once."""
        found = self._scan_mappings()
        if not found:
            self._on_empty_folder()
            return
        self._folder_problem = ()
        self._loader.names = Counter(file.stem for file in found)
        # Load tables and schemas first, because mappings are compiled with them. A changed table or schema counts as a
        # change of every mapping file. `FallbackLoader.reload_if_changed` finds out which mappings use the table or
        # schema.
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
        # If a mapping with lookup tables does not load, its last good version may need the stored tables after a
        # restart. So do not replace the stored tables. The same is true for schemas.
        failing = [read_text(file) for file, state in files.items() if state.problems]
        if not any(map(uses_lookup, failing)):
            self._tables.store()
        if not any(map(uses_schemas, failing)):
            self._schemas.store()

    def _take_over(self, files: dict[Path, LoadedFile]) -> None:
        """Store `files` as the current state, activate the changes, and report them."""
        before, self._files = self._files, files
        for file in before.keys() - files.keys():
            log.info("mapping removed", extra={"file": shown_name(file.name)})
        # At the start, `before` is empty, and all files are new. Do not log each file then, because the caller logs the
        # number of files.
        for file in [file for file in files if before and file not in before and not files[file].problems]:
            log.info("mapping added", extra={"file": file.name})
        if [state.mapping for state in files.values()] != [state.mapping for state in before.values()]:
            self._activate()
        if report := reload_report(before, files):
            self.on_reload(report)

    def _activate(self) -> None:
        """Create a new Router with the loaded mappings, make it the active router, and call `on_change`."""
        routes = Router([state.mapping for state in self._files.values() if state.mapping is not None])
        self.routes = routes
        self.reloads += 1
        self.reloaded_at = time.time()
        self.fingerprint = self._fingerprint()
        self.on_change(routes)

    def _fingerprint(self) -> str:
        """Return the digest for `fingerprint`. For a file that does not load, use the text of its last good version."""
        found = sha256()
        for file, state in sorted(self._files.items()):
            if state.mapping is not None:
                digest = digest_of(self._last_good_texts.get(file.name)) if state.problems else state.digest
                found.update(file.name.encode() + b"\0" + digest)
        return found.hexdigest()[:12]

    def _on_empty_folder(self) -> None:
        """Report the empty folder as a problem, and log the problem once. The active mappings do not change."""
        if self._files and not self._folder_problem:
            log.error("%s contains no mapping file any more; the active mappings stay", self._folder)
        keeping = (
            "; the active mappings stay until there is one (to stop them all, stop the bridge)" if self._files else ""
        )
        self._folder_problem = (Problem(str(self._folder), 0, 0, "", f"no mapping file (*.yaml) here{keeping}"),)

    def _stored_resources(self) -> Resources:
        return Resources(self._tables.stored(), self._schemas.stored())

    def _scan_mappings(self) -> dict[Path, Signature]:
        """Return the signatures of the mapping files that exist now."""
        try:
            return self._folder_watch.scan()
        except OSError:
            return {}  # `reload` then handles the folder like an empty one

    def _scan(self) -> dict[Path, Signature]:
        """Return the signatures of the mapping, table and schema files that exist now."""
        return self._scan_mappings() | self._tables.scan() | self._schemas.scan()

    def _loaded(self) -> dict[Path, Signature]:
        """Return the signatures of all files when they were last loaded."""
        return (
            {file: state.signature for file, state in self._files.items()} | self._tables.loaded | self._schemas.loaded
        )
