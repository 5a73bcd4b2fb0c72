"""The log of events: a bounded file in the folder of the spool, with one event per line as JSON.

    events.jsonl        the newest events
    events.old.jsonl    the events before those; the rotation replaces this file. Each file has at most MAX_FILE_BYTES

Only changes of state are events, so a file lasts for days. Events wait in memory until the next `flush`, which writes
them with one call; if the disk does not accept them, they wait longer. If the process is killed, the events that were
not flushed are lost. There is no `fsync`: after a power failure, the last events may be missing. A line that is damaged
or incomplete is skipped.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.files import FileProblem, read_bytes
from bridge.monitoring.recording.event import parsed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bridge.monitoring.recording.event import Event

log = logging.getLogger(__name__)

EVENT_FILE: Final = "events.jsonl"
OLD_EVENT_FILE: Final = "events.old.jsonl"
MAX_FILE_BYTES: Final = 512 * 1024
"""About 2,000 events."""
MAX_WAITING: Final = 500
"""Max number of events in memory while the disk accepts none. Beyond it, the oldest ones are discarded."""
MAX_WRITTEN: Final = 100
"""Max number of events written in one call: fewer than fit in a file."""


class EventLog:
    """The log of one process. Any thread may call `add`; one thread calls `flush`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / EVENT_FILE
        self._waiting: deque[Event] = deque(maxlen=MAX_WAITING)
        self._flushing = threading.Lock()
        self._failing = False

    def add(self, event: Event) -> None:
        """Add an event. It never blocks."""
        self._waiting.append(event)

    def flush(self) -> None:
        """Write the events that wait. An error is logged once, until a write succeeds."""
        with self._flushing:
            try:
                while taken := list(islice(self._waiting, MAX_WRITTEN)):
                    self._append(b"".join(event.line() for event in taken))
                    self._failing = False
                    for event in taken:
                        if self._waiting and self._waiting[0] is event:
                            self._waiting.popleft()
            except OSError as error:
                if not self._failing:
                    log.warning("the event log %s cannot be written: %s", self._file, error.strerror)
                self._failing = True

    def _rotate(self, added: int) -> None:
        """Rename the file if `added` more bytes would exceed its limit."""
        with suppress(FileNotFoundError):
            if self._file.stat().st_size + added > MAX_FILE_BYTES:
                self._file.replace(self._file.with_name(OLD_EVENT_FILE))

    def _append(self, octets: bytes) -> None:
        self._rotate(len(octets))
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(self._file, flags, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            # A crash may have left an incomplete line. Without a line break, it would make the next line unreadable
            # too.
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            written = os.write(descriptor, b"\n" * torn + octets)
            if written < torn + len(octets):
                # The disk became full during the write. The file is cut, so that the next attempt does not repeat a
                # part of the events.
                os.ftruncate(descriptor, size)
                raise OSError(28, "No space left on device")
        finally:
            os.close(descriptor)

    def waiting(self) -> list[Event]:
        """Return the events that are not in the file yet, oldest first."""
        return list(self._waiting.copy())


class EventLogs(NamedTuple):
    """Logs of a bridge: their folders, by worker name ("" for the process itself).

    `waiting` has the events of the process itself that are not in its file yet.
    """

    folders: Mapping[str, Path]
    waiting: list[Event]


class EventReader:
    """Reader of logs. It parses a file again only when it has changed. Not thread-safe."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, ...], list[Event]]] = {}

    def events(self, folder: Path) -> list[Event]:
        """Return the events in the files of a folder, oldest first."""
        return [event for name in (OLD_EVENT_FILE, EVENT_FILE) for event in self._events(folder / name)]

    def _events(self, file: Path) -> list[Event]:
        try:
            status = file.stat()
        except OSError:
            self._known.pop(file, None)
            return []
        version = (status.st_ino, status.st_size, status.st_mtime_ns)
        known = self._known.get(file)
        if known is None or known[0] != version:
            known = self._known[file] = version, list(_parsed(file))
        return known[1]


def _parsed(file: Path) -> Iterator[Event]:
    try:
        # The last write before a rotation may exceed the limit.
        octets = read_bytes(file, 4 * MAX_FILE_BYTES)
    except FileProblem as error:
        log.warning("the event log %s is left out: %s", file, error)
        return
    for line in octets.split(b"\n"):
        event = parsed(line) if line else None
        if event is not None:
            yield event


def unfinished(events: list[Event]) -> dict[tuple[str, ...], Event]:
    """Return the events of problems and states that have not ended, by key."""
    found: dict[tuple[str, ...], Event] = {}
    for event in events:
        if event.begins:
            found.setdefault(event.key, event)
        elif event.kind == "recovered":
            found.pop(event.key, None)
    return found
