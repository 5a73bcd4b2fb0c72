"""The event log: files in the folder of the spool, with one event per line as JSON.

    events.jsonl        the newest events
    events.old.jsonl    older events

A file has at most MAX_FILE_BYTES. When events.jsonl has no room for the next events, it is renamed to events.old.jsonl
and replaces the older file. Only changes of state are events, so a file contains the events of several days.

Events wait in memory until the next `flush` writes them. If the disk does not accept them, they stay in memory. If the
process is killed, events that were not flushed are lost. The files are written without `fsync`, so after a power
failure the last events may be missing. A damaged or incomplete line is skipped.
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
from bridge.monitoring.recording.event import parse_event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bridge.monitoring.recording.event import Event

log = logging.getLogger(__name__)

EVENT_FILE: Final = "events.jsonl"
OLD_EVENT_FILE: Final = "events.old.jsonl"
MAX_FILE_BYTES: Final = 512 * 1024
"""Maximum size of a file, which contains about 2,000 events."""
MAX_WAITING: Final = 500
"""Maximum number of events in memory while the disk accepts no writes. Older events are discarded."""
MAX_WRITTEN: Final = 100
"""Maximum number of events in one write, so that they always fit into one file."""


class EventLog:
    """The event log of one process. Any thread may call any method."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / EVENT_FILE
        self._waiting: deque[Event] = deque(maxlen=MAX_WAITING)
        self._flushing = threading.Lock()
        self._failing = False

    def add(self, event: Event) -> None:
        """Store an event in memory until the next `flush`. This method never blocks."""
        self._waiting.append(event)

    def flush(self) -> None:
        """Write the events that wait in memory. If writes fail, log only the first error, and raise no error."""
        with self._flushing:
            try:
                while batch := list(islice(self._waiting, MAX_WRITTEN)):
                    self._append(b"".join(event.line() for event in batch))
                    self._failing = False
                    # During the write, `add` may have discarded the oldest events of a full deque. So each event is
                    # removed only if it is still the oldest one.
                    for event in batch:
                        if self._waiting and self._waiting[0] is event:
                            self._waiting.popleft()
            except OSError as error:
                if not self._failing:
                    log.warning("the event log %s cannot be written: %s", self._file, error.strerror)
                self._failing = True

    def _rotate(self, added: int) -> None:
        """Rename the file if it would exceed its limit with `added` more bytes."""
        with suppress(FileNotFoundError):
            if self._file.stat().st_size + added > MAX_FILE_BYTES:
                self._file.replace(self._file.with_name(OLD_EVENT_FILE))

    def _append(self, data: bytes) -> None:
        self._rotate(len(data))
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(self._file, flags, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            # After a crash, the last line may be incomplete. So add a line break before the next event. Without it, the
            # next event would be unreadable too.
            incomplete = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            written = os.write(descriptor, b"\n" * incomplete + data)
            if written < incomplete + len(data):
                # The disk became full during the write. The next attempt writes all events again, so the part that was
                # written is removed.
                os.ftruncate(descriptor, size)
                raise OSError(28, "No space left on device")
        finally:
            os.close(descriptor)

    def waiting(self) -> list[Event]:
        """Return the events that are not in the file yet, oldest first."""
        # Copy the deque first. An iteration over the deque itself would fail if another thread adds an event.
        return list(self._waiting.copy())


class EventLogs(NamedTuple):
    """Event logs of a bridge and its workers.

    folders   folders with the files, by the name of the worker; the name of the bridge itself is ""
    waiting   events of the bridge itself that are not in its file yet
    """

    folders: Mapping[str, Path]
    waiting: list[Event]


class EventReader:
    """Reader of event logs. It parses a file again only if the file has changed. Not thread-safe."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, ...], list[Event]]] = {}

    def events(self, folder: Path) -> list[Event]:
        """Return the events in the two files of a folder, oldest first."""
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
        # Another program may have written the file, so its size is limited. A valid file is never this large.
        data = read_bytes(file, 4 * MAX_FILE_BYTES)
    except FileProblem as error:
        log.warning("the event log %s cannot be read: %s", file, error)
        return
    for line in data.split(b"\n"):
        event = parse_event(line) if line else None
        if event is not None:
            yield event


def unfinished_events(events: list[Event]) -> dict[tuple[str, ...], Event]:
    """Return the beginnings of problems and states that have not ended, by key."""
    found: dict[tuple[str, ...], Event] = {}
    for event in events:
        if event.begins:
            found.setdefault(event.key, event)
        elif event.kind == "recovered":
            found.pop(event.key, None)
    return found
