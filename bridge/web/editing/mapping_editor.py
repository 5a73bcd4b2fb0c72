"""Changes of mapping files by users of the page.

Only one change is made at a time. The request for a change contains the version of the file that its user has seen. A
version is a digest of the file's content. If the file now has another version, the request is refused, so that it does
not overwrite the change of another user.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bridge.web.editing.file_names import name_problem, new_file_name
from bridge.web.editing.mapping_folder import Conflict, MappingFolder, version_of
from bridge.web.editing.version_entry import Action, Entry
from bridge.web.editing.version_store import VersionStore
from bridge.web.requests import RequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bridge.web.editing.file_names import MappingFileName

log = logging.getLogger(__name__)

MAX_FILES: Final = 5_000
"""If the folder contains this number of mapping files, the page creates no more."""
_FOUND: Final = "as found on disk, before a change on the page"


@dataclass(frozen=True, slots=True)
class Author:
    """Author and reason of a change, both entered by the user and not verified."""

    by: str
    note: str


@dataclass(frozen=True, slots=True)
class MappingFile:
    """Current file of a mapping.

    `text` is None if there is no file. `read_only_reason` is the reason why the file cannot be edited, or "".
    """

    names: MappingFileName
    text: bytes | None
    read_only_reason: str

    @property
    def version(self) -> str:
        """Version of the text, or "" if there is no file."""
        return version_of(self.text)

    @property
    def shown(self) -> str:
        """Text for the page. Bytes that are not UTF-8 are replaced."""
        return (self.text or b"").decode("utf-8", "replace")


class MappingEditor:
    """Editor of the mapping files. Every method may be called on any thread, and raises RequestError."""

    def __init__(self, mappings: Path, data: Path) -> None:
        """Edit the files in the folder `mappings`, and store their history in the folder `data`."""
        self.folder = MappingFolder(mappings)
        self._store = VersionStore(data)
        self._one_at_a_time = threading.Lock()

    def open(self, name: str) -> MappingFile:
        """Return a mapping's file. If it was changed on disk since the last version, add a version to its history."""
        with self._one_at_a_time:
            found = self._present(name)
            try:
                self._store.recover(self._was_made)
                # The history of a mapping begins with its first change on the page, not when it is opened.
                if self._store.latest(name) is not None:
                    self._note_change_on_disk(found)
            except OSError as error:
                # The history cannot be written on a full disk, but reading a mapping must still work.
                log.warning("history of the mappings: %s", error)
            return found

    def save(self, name: str, text: bytes, expected: str, author: Author, action: Action = "save") -> str:
        """Write a mapping's file and return its version. `expected` is the version to replace, "" for a new file."""
        with self._changing(name, expected, new=True) as found:
            if found.text is None:
                self._require_room(name)
            # Without a change, do not add a version to the history.
            if found.text == text:
                return found.version
            entry = self._entry(found, action, author, version_of(text), len(text))
            self._make(entry, text, lambda: self.folder.write(found.names.file, text, expected))
            return entry.version

    def rename(self, name: str, to: object, expected: str, author: Author) -> str:
        """Rename a mapping. Return its version."""
        with self._changing(name, expected) as found:
            if problem := name_problem(to):
                raise RequestError(400, problem)
            self._require_free(str(to), but=name)
            new = found.names.renamed(str(to))
            entry = self._entry(found, "rename", author, found.version, len(found.text or b""))
            # The version has the new name. `old_name` connects it with the versions under the old name.
            entry = replace(entry, name=new.name, file=new.file, old_name=name)
            self._make(entry, found.text, lambda: self.folder.rename(found.names.file, new.file, expected))
            return found.version

    def enable(self, name: str, expected: str, author: Author, *, enabled: bool) -> str:
        """Enable or disable a mapping. Return its version."""
        with self._changing(name, expected) as found:
            # Two users may click the same button. For the second user, the mapping already has the requested state, so
            # this is not an error.
            if found.names.enabled == enabled:
                return found.version
            if not enabled:
                self._require_another(found.names)
            new = found.names.toggled
            action: Action = "enable" if enabled else "disable"
            entry = replace(self._entry(found, action, author, found.version, len(found.text or b"")), file=new.file)
            self._make(entry, found.text, lambda: self.folder.rename(found.names.file, new.file, expected))
            return found.version

    def delete(self, name: str, expected: str, author: Author) -> None:
        """Delete a mapping's file. Its history stays."""
        with self._changing(name, expected) as found:
            if found.names.enabled:
                self._require_another(found.names)
            # The deletion is a version without a text. `_changing` has stored the deleted text as the version before.
            entry = replace(self._entry(found, "delete", author, "", 0), file="")
            self._make(entry, b"", lambda: self.folder.remove(found.names.file, expected))

    def history(self, name: str) -> tuple[list[Entry], int]:
        """Return the versions of a mapping, newest first, and the number of damaged versions."""
        self.open(name)
        with self._one_at_a_time, _readable():
            return self._store.entries(name)

    def version(self, name: str, number: int) -> tuple[Entry, bytes]:
        """Return a version of a mapping, and its text. Raise RequestError (404) if there is none."""
        with self._one_at_a_time, _readable():
            found = self._store.text(name, number)
        if found is None:
            raise RequestError(404, f"no version {number} of mapping '{name}', or it is damaged")
        return found

    def deleted(self) -> dict[str, Entry]:
        """Return the last entry of each mapping that was deleted on the page and has no file now."""
        with self._one_at_a_time, _readable():
            present = {each.name for each in self.folder.files()}
            return {name: entry for name, entry in self._store.deleted().items() if name not in present}

    # -- steps of a change ---------------------------------------------------------------------------------------------

    @contextmanager
    def _changing(self, name: str, expected: str, *, new: bool = False) -> Iterator[MappingFile]:
        """Take the lock, update the history, and yield the file.

        Raise RequestError if the file cannot be edited, has another version, or is missing. With `new`, a missing file
        is not an error.
        """
        with self._one_at_a_time:
            found = self._present(name)
            if found.text is None and not expected and not new:
                raise RequestError(404, f"no mapping '{name}'")
            if why_not := self.folder.read_only_reason() or found.read_only_reason:
                raise RequestError(403, why_not, code="not-editable")
            try:
                self._store.recover(self._was_made)
                self._note_change_on_disk(found)
                _require_version(found, expected)
                yield found
            except Conflict as conflict:
                raise conflict_of(name, conflict.text) from None
            except OSError as error:
                where = error.filename or self.folder.path
                why = f"nothing was changed: {where}: {error.strerror or error}"
                raise RequestError(409, why, code="not-written") from error

    def _make(self, entry: Entry, text: bytes | None, change: Callable[[], None]) -> None:
        """Make a change and log it. The history stores the change as pending first, and as a version afterwards."""
        before = self._store.latest(entry.old_name or entry.name)
        self._store.begin(entry, text or b"")
        try:
            change()
        except OSError as error:
            # The file may have been replaced before the error, for example if only the `fsync` of the folder failed.
            if not self._was_made(entry):
                raise
            log.warning("mapping %s: the change may not survive a power failure: %s", entry.name, error)
        finally:
            # Compare the file with the pending change to find out whether the change was made, as after a crash.
            self._finish()
        log.info("mapping changed on the page", extra=_audit(entry, before.version if before else ""))

    def _finish(self) -> None:
        try:
            self._store.recover(self._was_made)
        except OSError as error:
            # The next access to the history finds the pending change, and finishes it.
            log.warning("history of the mappings: %s", error)

    def _present(self, name: str) -> MappingFile:
        """Return the current file of a mapping, or the file that a new mapping would have."""
        files = self.folder.files_of(name)
        if not files:
            return MappingFile(new_file_name(name), None, name_problem(name))
        why_not = name_problem(name) or self.folder.file_read_only_reason(files[0].file)
        # For example, the folder contains press.yaml and press.yml. The bridge then loads none of these files.
        if len(files) > 1:
            why_not = f"several files have this name ({', '.join(each.file for each in files)}): remove all but one"
        text = self.folder.shown(files[0].file)
        if not why_not and not _is_utf8(text):
            why_not = f"{files[0].file} is not UTF-8: saving it on the page would change its text"
        return MappingFile(files[0], text, why_not)

    def _note_change_on_disk(self, found: MappingFile) -> None:
        """If the current text is not the newest version, store it as a version. So no text on disk is ever lost."""
        latest = self._store.latest(found.names.name)
        if found.read_only_reason or found.text is None or (latest is not None and latest.version == found.version):
            return
        note = "" if latest else _FOUND
        entry = self._entry(found, "changed on disk", Author("", note), found.version, len(found.text))
        self._store.add(entry, found.text)

    def _entry(self, found: MappingFile, action: Action, author: Author, version: str, size: int) -> Entry:
        was = found.names.file if found.text is not None else ""
        at_ms, name, file = time.time_ns() // 1_000_000, found.names.name, found.names.file
        return Entry(name, action, author.by, author.note, at_ms, version, size, was, file)

    def _was_made(self, entry: Entry) -> bool:
        """Return whether an interrupted change was made. The process may have ended at any step of the change."""
        try:
            if entry.file:
                return version_of(self.folder.read(entry.file)) == entry.version
            return self.folder.read(entry.was) is None
        except OSError:
            return False

    def _require_room(self, name: str) -> None:
        self._require_free(name)
        if len(self.folder.files()) >= MAX_FILES:
            raise RequestError(409, f"there are {MAX_FILES:,} mapping files: the page creates no more", code="too-many")

    def _require_free(self, name: str, but: str = "") -> None:
        """Raise RequestError if a mapping has this name. Upper and lower case are equal, as on some file systems."""
        for each in self.folder.files():
            if each.name.casefold() == name.casefold() and each.name != but:
                raise RequestError(409, f"there is a mapping '{each.name}' already: {each.file}", code="exists")

    def _require_another(self, names: MappingFileName) -> None:
        """Raise RequestError if no other mapping is enabled.

        The bridge treats a folder without mappings as a mistake, and would keep the last mapping active.
        """
        if not any(each.enabled and each != names for each in self.folder.files()):
            why = "the last enabled mapping cannot be removed: the bridge would keep it active; stop the bridge instead"
            raise RequestError(409, why, code="last")


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RequestError(409, f"cannot read the history of the mappings: {error.strerror or error}") from error


def _require_version(found: MappingFile, expected: str) -> None:
    if found.version != expected:
        raise Conflict(found.text)


def conflict_of(name: str, text: bytes | None) -> RequestError:
    """Return the error for a file that has another version than its user has seen."""
    present = None if text is None else text.decode("utf-8", "replace")
    what = "was deleted since you opened it" if text is None else "has changed since you opened it"
    why = f"mapping '{name}' {what}, on disk or in another window"
    return RequestError(409, why, code="conflict", text=present, version=version_of(text))


def _is_utf8(text: bytes | None) -> bool:
    try:
        (text or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


def _audit(entry: Entry, before: str) -> dict[str, str]:
    names = {"mapping": entry.name} | ({"old_name": entry.old_name} if entry.old_name else {})
    change = {"action": entry.action, "by": entry.by or "(no name given)", "note": entry.note}
    return {**names, **change, "version_before": before or "none", "version_after": entry.version or "none"}
