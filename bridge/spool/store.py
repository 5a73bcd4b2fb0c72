"""The spool itself: open, take a burst in one transaction, settle, keep within bounds. Format: see this package."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bridge.errors import SpoolCorrupt, SpoolFull, SpoolUnwritable
from bridge.model import Record
from bridge.spool import schema
from bridge.spool.folder import Folder
from bridge.spool.ledger import COLUMNS, Counts, Ledger, LedgerRow
from bridge.spool.letters import Letter, count_letters, read_letters
from bridge.spool.live_first import LiveFirstQueue
from bridge.spool.queue import PAGE_BYTES, PAGE_RECORDS, StreamQueue
from bridge.spool.state import State, load_all, write_changed, written
from bridge.spool.transaction import (
    Transaction,
    pending_bytes,
    write_dropped,
    write_pending,
    write_rest,
    write_settled,
)

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

_DROPPED_AT_ONCE = 2000
_VACUUM_PAGES = 256
_FREE_PAGES_KEPT = 1024


@dataclass(frozen=True, slots=True)
class SpoolSettings:
    """Where, how large, and what to do when it is full. `fresh_bytes` bounds each stream's window in memory."""

    path: Path
    max_bytes: int = 2 * 1024**3
    when_full: Literal["block", "drop_oldest"] = "block"
    fresh_bytes: int = 16 * 1024**2
    live_first: bool = False
    """What was just received is sent before the backlog, but where order is strict."""


class Spool:
    """Open until `close`. `commit` and what it needs belong to one thread; `snapshot` and queues to any."""

    def __init__(self, settings: SpoolSettings) -> None:
        """Raises SpoolInUse, or SpoolUnwritable. A damaged database is set aside and a new one begun."""
        self.settings = settings
        self.folder = Folder(settings.path)
        self.queues: dict[str, StreamQueue] = {}
        self.ledger = Ledger()
        self.states: dict[str, State] = {}
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._broken = self._shrinking = self.full = False
        try:
            if why := self.folder.damage:
                self.folder.set_aside(why)
            try:
                self._open()
            except SpoolCorrupt as error:
                self.folder.set_aside(str(error))
                self._open()
        except BaseException:
            self.folder.close()
            raise

    def _open(self) -> None:
        self._database = schema.connect(self.folder.database)
        try:
            self._reader = schema.reader(self.folder.database)
            self._load()
        except sqlite3.Error as error:
            raise schema.translated(error, self.folder.database) from error

    def _load(self) -> None:
        self._page_bytes: int = self._database.execute("pragma page_size").fetchone()[0]
        for mapping, stream, *counts in self._database.execute(
            f"select mapping, stream, {', '.join(COLUMNS)} from ledger"
        ):
            self.ledger[mapping, stream] = Counts(*counts)
        self._mappings: dict[str, int] = dict(self._database.execute("select name, number from mappings").fetchall())
        self._streams: dict[str, int] = dict(self._database.execute("select name, number from streams").fetchall())
        self.unreleased = {row[0] for row in self._database.execute("select packet from unreleased")}
        held = self._database.execute("select value from meta where key = 'held_filters'").fetchone()
        self.held_filters: frozenset[str] = frozenset(json.loads(held[0])) if held else frozenset()
        self.states = load_all(self._database)
        self.dead_letter_count = count_letters(self._database)
        for name, number, next_number in self._database.execute("select name, number, next from streams").fetchall():
            if name:  # "" is only a line of the books
                self._add_queue(name, number, next_number)

    def _add_queue(self, name: str, number: int, next_number: int) -> StreamQueue:
        schema.create_queue(self._database, number)
        first = self._database.execute(f"select min(number) from queue_{number}").fetchone()[0]
        made = LiveFirstQueue if self.settings.live_first and "order=strict" not in name.split() else StreamQueue
        queue = made(
            name,
            number,
            read=self._read,
            first=next_number if first is None else first,
            next_number=next_number,
            fresh_bytes=self.settings.fresh_bytes,
        )
        found = self._database.execute("select value from meta where key = ?", (f"marks {number}",)).fetchone()
        queue.marks = [(number, at) for number, at in json.loads(found[0])] if found else []
        self.queues[name] = queue
        return queue

    # -- numbers ---------------------------------------------------------------------------------------------------

    def mapping_number(self, name: str) -> int:
        """The spool's number for a mapping; a new one is given and kept."""
        return self._number("mappings", self._mappings, name)

    def queue(self, stream: str) -> StreamQueue:
        """A stream's queue, begun when it is new."""
        if stream not in self.queues:
            self._add_queue(stream, self.stream_number(stream), 1)
        return self.queues[stream]

    def stream_number(self, name: str) -> int:
        """The spool's number for a stream ("" stands for none: unmatched messages)."""
        return self._number("streams", self._streams, name)

    def state(self, space: str) -> State:
        """What the mapping of this name remembers."""
        return self.states.setdefault(space, State(space, {}))

    def _number(self, table: str, known: dict[str, int], name: str) -> int:
        if name not in known:
            columns, values = ("name, next", (name, 1)) if table == "streams" else ("name", (name,))
            marks = ", ".join("?" * len(values))
            if self._broken:
                self._reopen()
            try:
                self._database.execute(f"insert or ignore into {table}({columns}) values ({marks})", values)
                row = self._database.execute(f"select number from {table} where name = ?", (name,)).fetchone()
            except sqlite3.Error as error:
                raise self._failed(error) from error
            known[name] = row[0]
        return known[name]

    # -- the transaction -------------------------------------------------------------------------------------------

    def commit(self, transaction: Transaction) -> None:
        """Put a burst, and everything settled meanwhile, on disk; when this returns, it is there.

        Raises SpoolFull (nothing of the burst was written, but what was settled is gone: call again later),
        SpoolUnwritable (nothing was written: call again later), SpoolCorrupt (a restart sets the file aside).
        """
        if self._broken:
            self._reopen()
        pending = [queue for queue in self.queues.values() if queue.pending]
        needed = pending_bytes(pending, transaction)
        try:
            if needed and not self._has_room(needed):
                self._write([], None, 0)
                # The log keeps the size it once had; a small spool could seem full for ever.
                self._database.execute("pragma wal_checkpoint(truncate)").fetchall()
                if not self._has_room(needed) and self.settings.when_full == "block":
                    raise SpoolFull(
                        f"{self.used_bytes >> 20} of spool.max_bytes {self.settings.max_bytes >> 20} MiB are used"
                    )
        except sqlite3.Error as error:
            raise self._failed(error) from error
        self._write(pending, transaction, needed)

    @property
    def has_settled(self) -> bool:
        """Whether a commit is due even without a burst."""
        return any(queue.has_settled for queue in self.queues.values())

    def _write(self, pending: list[StreamQueue], burst: Transaction | None, needed: int) -> None:
        """Without a burst only what was settled: the memory of mappings goes with the messages that changed it."""
        transaction = burst or Transaction()
        settled = [(queue, queue.take_settled()) for queue in self.queues.values() if queue.has_settled]
        names = {number: name for name, number in self._mappings.items()} if settled else {}
        dropped: list[tuple[StreamQueue, int]] = []
        changes, database = Ledger(), self._database
        refused = 0
        try:
            database.execute("begin immediate")
            for queue, settlements in settled:
                refused += write_settled(database, queue, settlements, names, changes)
            if needed and self.settings.when_full == "drop_oldest":
                self._make_room(needed, changes, dropped)
            write_pending(database, pending, changes)
            write_rest(database, transaction, changes)
            changed = write_changed(database, self.states.values() if burst else ())
            shrunk = self._give_back_pages()
            database.execute("commit")
        except BaseException as error:
            self._roll_back()
            for queue, settlements in settled:
                queue.settle_again(settlements)
            for queue, first in reversed(dropped):  # of several spans of one queue, the first is the last to count
                queue.rewind(first)
            if isinstance(error, sqlite3.Error):
                raise self._failed(error) from error
            raise
        if shrunk:
            self._shorten_file()
        written(changed)
        with self._lock:
            self.ledger.add(changes)
            self.dead_letter_count += len(transaction.letters) + refused
        for queue, _ in dropped:
            queue.dropped()
        for queue in pending:
            queue.committed()

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):  # the error that led here is the one to report
            if self._database.in_transaction:
                self._database.execute("rollback")

    def _failed(self, error: sqlite3.Error) -> SpoolCorrupt | SpoolUnwritable:
        failure = schema.translated(error, self.folder.database)
        if isinstance(failure, SpoolCorrupt):
            self.folder.mark_damaged(str(failure))
        # After a failed write or fsync nothing that SQLite remembers of the file may be trusted: open it anew.
        self._broken = True
        return failure

    def _reopen(self) -> None:
        self._database.close()
        try:
            self._database = schema.connect(self.folder.database)
        except sqlite3.Error as error:
            raise schema.translated(error, self.folder.database) from error
        self._broken = False

    # -- bounds ----------------------------------------------------------------------------------------------------

    @property
    def used_bytes(self) -> int:
        """On disk: the database's pages in use, and the write-ahead log."""
        (pages,), (free,) = (
            self._database.execute(f"pragma {name}").fetchone() for name in ("page_count", "freelist_count")
        )
        wal = self.folder.database.with_name("spool.db-wal")
        return int(pages - free) * self._page_bytes + (wal.stat().st_size if wal.exists() else 0)

    def _has_room(self, needed: int) -> bool:
        """With hysteresis when blocking: once full, only a tenth of free room ends it."""
        blocked = self.full and self.settings.when_full == "block"
        limit = self.settings.max_bytes * (0.9 if blocked else 1.0)
        self.full = self.used_bytes + needed > limit
        return not self.full

    def _make_room(self, needed: int, changes: Ledger, dropped: list[tuple[StreamQueue, int]]) -> None:
        """Drop the oldest of the longest queue until the burst fits, or until senders hold all that is left."""
        count = 0
        while self.used_bytes + needed > self.settings.max_bytes:
            queue = max(self.queues.values(), key=lambda queue: queue.waiting)
            span = queue.drop_oldest(_DROPPED_AT_ONCE)
            if span is None:
                queue.dropped()
                break
            dropped.append((queue, span[0]))
            count += write_dropped(self._database, queue, *span, changes)
        if count:
            log.warning("the spool is full: dropped the %d oldest records (spool.when_full: drop_oldest)", count)

    def _give_back_pages(self) -> bool:
        """After an outage the file shrinks again, a few pages with each transaction; True with the last of them."""
        free = self._database.execute("pragma freelist_count").fetchone()[0]
        if free <= _FREE_PAGES_KEPT:
            ended, self._shrinking = self._shrinking, False
            return ended
        self._shrinking = True
        for _ in range(_VACUUM_PAGES):  # sqlite3 steps a statement without columns once, and a step frees a page
            self._database.execute("pragma incremental_vacuum(1)")
        return False

    def _shorten_file(self) -> None:
        """Pages given back leave the file with a checkpoint, and a quiet bridge may not come to one for hours."""
        with suppress(sqlite3.Error):  # what was committed is safe; a disk that fails is met again by the next commit
            self._database.execute("pragma wal_checkpoint(truncate)").fetchall()

    # -- reading (any thread) --------------------------------------------------------------------------------------

    def _read(self, stream: int, first: int, before: int) -> list[Record]:
        """Up to a page of records of one stream, first ≤ number < before."""
        query = (
            f"select number, mapping, key, data from queue_{stream} where number >= ? and number < ? order by number"
        )
        page: list[Record] = []
        size = 0
        try:
            with self._reading:
                for row in self._reader.execute(query, (first, before)):
                    page.append(Record._make(row))
                    size += len(page[-1].data)
                    if len(page) >= PAGE_RECORDS or size >= PAGE_BYTES:
                        break
        except sqlite3.Error as error:
            failure = schema.translated(error, self.folder.database)
            if isinstance(failure, SpoolCorrupt):
                self.folder.mark_damaged(str(failure))
            raise failure from error
        return page

    def rows(self) -> list[LedgerRow]:
        """The books, in the order of mapping and stream."""
        with self._lock:
            mappings = {number: name for name, number in self._mappings.items()}
            streams = {number: name for name, number in self._streams.items()}
            return sorted(
                LedgerRow(mappings[mapping], streams[stream], *counts.values())
                for (mapping, stream), counts in self.ledger.items()
            )

    def newest_letters(self, count: int) -> list[Letter]:
        """The newest dead letters, newest first."""
        with self._reading:
            return list(read_letters(self._reader, newest=count))

    def waiting_by_count(self) -> dict[str, int]:
        """Records on disk per stream, counted afresh: what the ledger's `spooled` must agree with."""
        with self._reading:
            return {
                queue.stream: self._reader.execute(f"select count(*) from queue_{queue.number}").fetchone()[0]
                for queue in list(self.queues.values())
            }

    def bytes_on_disk(self) -> int:
        """The sizes of the database's files."""
        return sum(file.stat().st_size for file in self.folder.path.glob("spool.db*"))

    def close(self) -> None:
        """Close the files and let another bridge have them. What is settled but not committed is sent again."""
        for queue in self.queues.values():
            queue.close()
        with self._reading:
            self._reader.close()
        with suppress(sqlite3.Error):  # closing a spool on a broken disk is still closing it
            self._database.close()
        self.folder.close()
