"""History of the mapping files, in the bridge's data folder. It has each version that the page wrote or found on disk.

    mapping-history/0000000042-press     version 42, which is a version of the mapping `press`
    mapping-history/pending              the change that is being made

A change has three steps. First, the change is written to the file `pending`. Then the mapping's file is changed. Last,
`pending` is renamed to a version. After a crash between these steps, the next access compares the mapping's file with
`pending` to find out whether the change was made. Each file is written under a temporary name, synced and renamed, so
that it is either complete or absent. Damaged files are skipped and logged. Like other files, they are deleted when they
are among the oldest and a limit is exceeded.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bridge.spool.lock import OWNER_ONLY, make_private, sync
from bridge.web.editing.version_entry import DamagedEntry, Entry, from_bytes, from_head, to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

log = logging.getLogger(__name__)

FOLDER: Final = "mapping-history"
MAX_VERSIONS: Final = 100
"""Maximum number of versions of one mapping."""
MAX_ALL_VERSIONS: Final = 5_000
"""Maximum number of versions of all mappings."""
MAX_BYTES: Final = 64 * 1024 * 1024
"""Maximum size of all versions together. A version has at most 1 MiB, and seldom more than a few KiB."""
_PENDING: Final = "pending"
_FILE: Final = re.compile(r"([0-9]{10,18})-(.+)")
# The first line of a valid file is shorter, because names and notes are limited. A damaged file may have no line break.
_MAX_HEAD_BYTES: Final = 16 * 1024


class VersionStore:
    """The history. It is not thread-safe, so the caller must hold a lock. Methods raise OSError."""

    def __init__(self, data: Path) -> None:
        """Store the history in a subfolder of `data`. The first change creates the subfolder."""
        self._folder = data / FOLDER
        self._reported: set[str] = set()

    def begin(self, entry: Entry, text: bytes) -> None:
        """Store a change as pending, before it is made."""
        make_private(self._folder)
        # The folder may exist already, with a mode that allows access to other users.
        self._folder.chmod(OWNER_ONLY)
        self._write(_PENDING, to_bytes(replace(entry, number=self._next_number()), text))

    def commit(self) -> None:
        """Store the pending change as a version, and delete the oldest versions beyond the limits."""
        entry, _ = from_bytes((self._folder / _PENDING).read_bytes())
        (self._folder / _PENDING).rename(self._folder / f"{entry.number:010d}-{entry.name}")
        sync(self._folder)
        self._prune()

    def abort(self) -> None:
        """Discard the pending change, because it was not made."""
        (self._folder / _PENDING).unlink(missing_ok=True)

    def add(self, entry: Entry, text: bytes) -> None:
        """Store a version whose text is already in the mapping's file."""
        self.begin(entry, text)
        self.commit()

    def recover(self, made: Callable[[Entry], bool]) -> None:
        """Finish a change that a crash interrupted. `made` returns whether the change was made before the crash."""
        try:
            content = (self._folder / _PENDING).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return
        try:
            entry, _ = from_bytes(content)
        except DamagedEntry:
            log.warning("history of the mappings: %s is damaged and deleted", self._folder / _PENDING)
            self.abort()
            return
        if made(entry):
            self.commit()
        else:
            self.abort()

    def entries(self, name: str) -> tuple[list[Entry], int]:
        """Return the versions of a mapping, newest first, and the number of damaged versions.

        If the mapping was renamed, its versions under the old name are included.
        """
        found: list[Entry] = []
        damaged, wanted = 0, name
        for file in sorted(self._files(), reverse=True):
            if _name_of(file) != wanted:
                continue
            try:
                entry = self._head(file)
            except DamagedEntry:
                damaged += 1
                self._report(file)
                continue
            found.append(entry)
            # Versions from before a rename have the old name in their file name.
            wanted = entry.old_name or wanted
        return found, damaged

    def latest(self, name: str) -> Entry | None:
        """Return the newest version of a mapping, or None if there is none."""
        found, _ = self.entries(name)
        return found[0] if found else None

    def deleted(self) -> dict[str, Entry]:
        """Return the mappings whose newest version is a deletion, by name, with this version."""
        newest = {_name_of(file): file for file in sorted(self._files())}
        found = {}
        for name, file in newest.items():
            with contextlib.suppress(DamagedEntry):
                entry = self._head(file)
                if entry.action == "delete":
                    found[name] = entry
        return found

    def text(self, name: str, number: int) -> tuple[Entry, bytes] | None:
        """Return a version of a mapping with its text, or None if the version does not exist or is damaged."""
        for each in self.entries(name)[0]:
            if each.number == number:
                try:
                    return from_bytes((self._folder / _file_of(each)).read_bytes())
                except DamagedEntry:
                    self._report(_file_of(each))
        return None

    def _head(self, file: str) -> Entry:
        try:
            with (self._folder / file).open("rb") as opened:
                head = opened.readline(_MAX_HEAD_BYTES)
                entry = from_head(head, os.fstat(opened.fileno()).st_size)
        except OSError:
            raise DamagedEntry from None
        # Another program has renamed the file, so its name shows another mapping or number than its content.
        if _file_of(entry) != file:
            raise DamagedEntry
        return entry

    def _report(self, file: str) -> None:
        if file not in self._reported:
            self._reported.add(file)
            log.warning("history of the mappings: %s is damaged and skipped", self._folder / file)

    def _files(self) -> Iterator[str]:
        try:
            yield from (file.name for file in self._folder.iterdir() if _FILE.fullmatch(file.name))
        except (FileNotFoundError, NotADirectoryError):
            return

    def _next_number(self) -> int:
        # The numbers are common to all mappings, so that renamed mappings have no two versions with the same number.
        return 1 + max((int(file.partition("-")[0]) for file in self._files()), default=0)

    def _write(self, name: str, content: bytes) -> None:
        new = self._folder / f".{name}.new"
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        new.rename(self._folder / name)
        sync(self._folder)

    def _prune(self) -> None:
        """Delete the oldest versions beyond the limit for one mapping and the limit for all mappings."""
        count, size = 0, 0
        of_name: dict[str, int] = {}
        # Count from the newest file, so that the files beyond a limit are the oldest ones.
        for file in sorted(self._files(), reverse=True):
            path, name = self._folder / file, _name_of(file)
            of_name[name] = of_name.get(name, 0) + 1
            count, size = count + 1, size + path.stat().st_size
            if of_name[name] > MAX_VERSIONS or count > MAX_ALL_VERSIONS or size > MAX_BYTES:
                path.unlink()


def _file_of(entry: Entry) -> str:
    return f"{entry.number:010d}-{entry.name}"


def _name_of(file: str) -> str:
    return file.partition("-")[2]
