"""The mappings in force, kept in step with their folder while the bridge runs.

The folder is looked at twice a second, by names, sizes, times and inodes: that works alike for editors that write by
rename, Kubernetes ConfigMap symlink swaps, network file systems and bind mounts, where change events do not. What
changed is loaded when it has been the same for two looks (a file half written is not worth a complaint), but at the
latest after a second, so that one that is rewritten all the time goes live as well.

A file that does not load leaves its last good version in force, also over a restart: each version that goes live is
kept in the spool's folder. The lookup tables beside the mappings are followed in the same way; when one changes, all
mappings are compiled again. A folder that is suddenly empty or gone is taken for an accident (an unmounted disk), not
for the wish to stop every mapping.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from bridge.errors import ConfigError, Problem
from bridge.files import MAX_DOCUMENT_BYTES, FileProblem, read_bytes
from bridge.mapping.loading.folder_watch import FolderWatch, Signature
from bridge.mapping.loading.last_good import LastGoodTexts
from bridge.mapping.loading.live_lookup_tables import LiveTables
from bridge.mapping.loading.loader import is_mapping_name, load_file
from bridge.mapping.loading.shared_subscription import order_warning
from bridge.mapping.router import Router

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bridge.mapping.expressions.expression import Tables
    from bridge.mapping.mapping import Mapping

log = logging.getLogger(__name__)

LOOK_SECS = 0.5
LATEST_SECS = 1.0


@dataclass(frozen=True, slots=True)
class _File:
    """One file: what it looked like when it was last loaded, what is in force of it, what is wrong with it.

    `tables` are those it was loaded with, `digest` is of the text.
    """

    signature: Signature
    digest: bytes
    mapping: Mapping | None
    tables: Tables
    problems: tuple[Problem, ...] = ()


class Stop(Protocol):
    """What ends a wait: an event's `wait`."""

    def wait(self, timeout: float, /) -> bool:
        """True as soon as it is set."""
        ...


class LiveMappings:
    """`reload` and `watch` belong to one thread; `ask_reload`, `reloading`, `routes` and `problems` to any."""

    def __init__(
        self, folder: Path, kept: Path, *, shared: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`kept` is where versions that went live are remembered; it is created when needed.

        `shared`: several bridges divide the messages.
        """
        self.limits: dict[str, int] = {}
        self.on_change: Callable[[Router], None] = lambda _routes: None
        self.reloads = 0
        self.reloaded_at = 0.0
        self.fingerprint = ""
        """12 hexadecimal digits, the same where the texts of the mapping files in force are."""
        self._folder = folder
        self._files_there = FolderWatch(folder, is_mapping_name)
        self._kept = LastGoodTexts(kept)
        self._shared = shared
        self._clock = clock
        self._files: dict[Path, _File] = {}
        self._tables = LiveTables(folder, kept)
        self._folder_problem: tuple[Problem, ...] = ()
        self._names: Counter[str] = Counter()
        self._asked = threading.Event()
        self._answering = False
        self.routes = Router(())

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the files now; empty when every file is in force as it is."""
        files = self._files
        of_mappings = tuple(problem for file in files.values() for problem in file.problems)
        return self._folder_problem + self._tables.problems + of_mappings

    @property
    def folder(self) -> Path:
        """The folder of the files, watched."""
        return self._folder

    @property
    def failing(self) -> tuple[str, ...]:
        """The mappings whose files do not load, whether a last good version is in force or none."""
        return tuple(file.stem for file, state in self._files.items() if state.problems)

    def file_of(self, name: str) -> Path | None:
        """The file of a mapping, in force or not."""
        return next((file for file in self._files if file.stem == name), None)

    def ask_reload(self) -> Callable[[], bool]:
        """Load everything again at the next look (SIGHUP). What is given back tells whether that is still to come."""
        self._asked.set()
        return self.reloading

    def reloading(self) -> bool:
        """Whether a reload that was asked for has not come to its end."""
        return self._asked.is_set() or self._answering

    def watch(self, stopping: Stop) -> None:
        """Reload what changes until `stopping` is set: the body of a thread."""
        seen, changed_at = self._scan(), None
        while not stopping.wait(LOOK_SECS):
            if self._asked.is_set():
                self._answering = True  # before the other is taken back: `reloading` must see one of them
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
            if now == seen or self._clock() - changed_at >= LATEST_SECS:
                self.reload()
                changed_at = None
            seen = now

    def reload(self, *, every: bool = False) -> None:
        """Load what changed (or every file), and put the result in force as one set."""
        found = self._look()
        if not found:
            self._on_empty_folder()
            return
        self._folder_problem = ()
        self._names = Counter(file.stem for file in found)
        every = self._tables.reload(every=every) or every
        files: dict[Path, _File] = {}
        for file, signature in sorted(found.items()):
            known = self._files.get(file)
            if known is None:
                files[file] = self._load(file, signature, _read(file))
            elif every or known.signature != signature:
                files[file] = self._reload_if_changed(file, signature, known)
            else:
                files[file] = known
        before = [state.mapping for state in self._files.values()]
        for file in self._files.keys() - files.keys():
            log.info("mapping removed", extra={"file": file.name})
        self._files = files
        if [state.mapping for state in files.values()] != before:
            self._put_in_force()
        self._kept.forget_all_but({file.name for file in files})
        self._kept.write()
        if not any(state.problems and _uses_lookup(_read(file)) for file, state in files.items()):
            self._tables.remember()

    def _put_in_force(self) -> None:
        routes = Router([state.mapping for state in self._files.values() if state.mapping is not None])
        self.routes = routes
        self.reloads += 1
        self.reloaded_at = time.time()
        self.fingerprint = self._fingerprint()
        self.on_change(routes)

    def _fingerprint(self) -> str:
        """A file that does not load counts as it was when it last did."""
        found = sha256()
        for file, state in sorted(self._files.items()):
            if state.mapping is not None:
                digest = _digest(self._kept.get(file.name)) if state.problems else state.digest
                found.update(file.name.encode() + b"\0" + digest)
        return found.hexdigest()[:12]

    def _on_empty_folder(self) -> None:
        if self._files and not self._folder_problem:
            log.error("%s holds no mapping file any more; keeping those in force", self._folder)
        keeping = "; those in force stay until there is one (to stop them all, stop the bridge)" if self._files else ""
        self._folder_problem = (Problem(str(self._folder), 0, 0, "", f"no mapping file (*.yaml) here{keeping}"),)

    def _reload_if_changed(self, file: Path, signature: Signature, known: _File) -> _File:
        """A mapping that would come out the same is kept: compiled again, 2,000 of them are seconds of CPU.

        With each edit of a ConfigMap all of its files are new, and most of them say what they said before.
        """
        tables, text = self._tables.tables, _read(file)
        other_tables = known.tables is not tables and _uses_lookup(text)
        if known.problems or other_tables or self._names[file.stem] > 1 or _digest(text) != known.digest:
            return self._load(file, signature, text)
        return replace(known, signature=signature, tables=tables)

    def _load(self, file: Path, signature: Signature, text: bytes | None) -> _File:
        known, digest = self._files.get(file), _digest(text)
        try:
            mapping = self._load_named(file, text)
        except ConfigError as error:
            previous = self._last_good(file, known)
            if known is None or known.problems != error.problems:
                state = "its last good version stays in force" if previous else "it is not in force"
                log.error("mapping %s: %s\n%s", file.name, state, error)
            return _File(signature, digest, previous, self._tables.tables, error.problems)
        if known is not None and known.signature != signature:
            log.info("mapping reloaded", extra={"file": file.name})
        if self._shared and (warning := order_warning(mapping)):
            log.warning("mapping %s: %s", file.name, warning)
        if text is not None:
            self._kept.keep(file.name, text)
        return _File(signature, digest, mapping, self._tables.tables)

    def _load_named(self, file: Path, text: bytes | None) -> Mapping:
        if self._names[file.stem] > 1:
            message = f"another file gives a mapping the name '{file.stem}' too: rename one of them"
            raise ConfigError([Problem(self._shown(file), 0, 0, "", message)])
        tables, shown = self._tables.tables, self._shown(file)
        return load_file(file, self.limits, tables, text=text, shown_as=shown, shared=self._shared)

    def _last_good(self, file: Path, known: _File | None) -> Mapping | None:
        """The last version that loaded: with the tables as they are, or else as it is in force, or else as it was."""
        if known is not None and known.tables is self._tables.tables:
            return known.mapping
        kept = self._load_kept(file, self._tables.tables)
        if kept is not None or known is not None:
            return kept or (known.mapping if known is not None else None)
        return self._load_kept(file, self._tables.remembered())

    def _load_kept(self, file: Path, tables: Tables) -> Mapping | None:
        """The version that was in force when the bridge last stopped, or None."""
        text = self._kept.get(file.name)
        if text is None:
            return None
        try:
            shown = f"{file.name} as it last went live"
            return load_file(file, self.limits, tables, text=text, shown_as=shown, shared=self._shared)
        except ConfigError as error:
            log.warning("the last good version of %s does not load any more either: %s", file.name, error)
            return None

    def _shown(self, file: Path) -> str:
        return f"{self._folder.name}/{file.name}"

    def _look(self) -> dict[Path, Signature]:
        try:
            return self._files_there.look()
        except OSError:
            return {}  # what `reload` makes of an empty folder is right for one that cannot be read

    def _scan(self) -> dict[Path, Signature]:
        return self._look() | self._tables.look()

    def _loaded(self) -> dict[Path, Signature]:
        return {file: state.signature for file, state in self._files.items()} | self._tables.loaded


def _read(file: Path) -> bytes | None:
    """The file's text; None where it cannot be read, which `load_file` complains of."""
    try:
        return read_bytes(file, MAX_DOCUMENT_BYTES)
    except FileProblem:
        return None


def _digest(text: bytes | None) -> bytes:
    return b"" if text is None else sha256(text).digest()


def _uses_lookup(text: bytes | None) -> bool:
    """The text has to do with tables, as far as one can see in a file that may be no mapping at all."""
    return text is None or b"lookup" in text
