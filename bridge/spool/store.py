"""The spool itself: open, take a burst in one transaction, settle, keep within bounds. Format: see this package."""

from __future__ import annotations

import json
import logging
import secrets
import sqlite3
import threading
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bridge.errors import SpoolCorrupt, SpoolFull, SpoolWriteError
from bridge.spool.database import schema
from bridge.spool.database.name_ids import numbers
from bridge.spool.database.page_usage import PageUsage, truncate_wal
from bridge.spool.database.reader import SpoolReader
from bridge.spool.database.transaction import (
    Transaction,
    pending_bytes,
    write_next,
    write_pending,
    write_rest,
    write_settled,
)
from bridge.spool.dead_letters import (
    DeadLetterChange,
    DeadLetterCounts,
    StoredDeadLetter,
    measure_letters,
    write_letters,
)
from bridge.spool.ledger import STORED, Ledger, LedgerLine, LedgerRow
from bridge.spool.mapping_state import MappingState, load_all, write_changed, written
from bridge.spool.queue.live_first_queue import LiveFirstQueue
from bridge.spool.queue.stream_queue import StreamQueue
from bridge.spool.retention import DiskBudget, RecordDropper

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.model import DeadLetter
    from bridge.spool.directory import SpoolDirectory

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SpoolSettings:
    """Where, how large, and what to do when it is full. `fresh_bytes` bounds each stream's window in memory."""

    path: Path
    max_bytes: int = 2 * 1024**3
    when_full: Literal["block", "drop_oldest"] = "block"
    fresh_bytes: int = 16 * 1024**2
    max_dead_letter_bytes: int = 256 * 1024**2
    """Beyond it the oldest dead letters give way to newer ones: counted, and said."""
    min_free_bytes: int = 0
    """What is left free on the disk, whoever fills it."""
    max_age_secs: float | None = None
    """Records that waited longer are dropped, and counted."""
    live_first: bool = False
    """What was just received is sent before the backlog, but where order is strict."""


class Spool:
    """Open until `close`. `commit` and what it needs belong to one thread; `snapshot` and queues to any."""

    def __init__(self, settings: SpoolSettings, folder: SpoolDirectory) -> None:
        """Open the database in the locked folder. Raises SpoolCorrupt or SpoolWriteError; see `open_spool`."""
        self.settings = settings
        self.folder = folder
        self.queues: dict[str, StreamQueue] = {}
        self.ledger = Ledger()
        self.states: dict[str, MappingState] = {}
        self._lock = threading.Lock()
        self._must_reopen = False
        self._room = DiskBudget(settings.path, settings.max_bytes, settings.min_free_bytes)
        schema.reject_truncated_database(folder.database)
        schema.resync_wal(folder.database)
        try:
            with ExitStack() as opened:
                self._database = opened.enter_context(closing(schema.connect(folder.database)))
                self.reading = opened.enter_context(closing(SpoolReader(folder.database, self._unreadable)))
                self._load()
                opened.pop_all()  # from here on `close` closes them
        except sqlite3.Error as error:
            raise schema.to_spool_error(error, folder.database) from error

    def _load(self) -> None:
        self._pages = PageUsage(self.folder.database, self._database)
        for mapping, stream, *counts in self._database.execute(
            f"select mapping, stream, {', '.join(STORED)} from ledger"
        ):
            self.ledger[mapping, stream] = LedgerLine(*counts)
        self._mappings: dict[str, int] = dict(self._database.execute("select name, number from mappings").fetchall())
        self._streams: dict[str, int] = dict(self._database.execute("select name, number from streams").fetchall())
        self.open_qos2_ids = {row[0] for row in self._database.execute("select packet from unreleased")}
        held = self._database.execute("select value from meta where key = 'held_filters'").fetchone()
        self.broker_filters: frozenset[str] = frozenset(json.loads(held[0])) if held else frozenset()
        self.states = load_all(self._database)
        self.dead_letter_counts = DeadLetterCounts(*measure_letters(self._database))
        self.id = self._spool_id()
        for name, number, next_number in self._database.execute("select name, number, next from streams").fetchall():
            if name:  # "" is only a line of the books
                self._add_queue(name, number, next_number)

    def _spool_id(self) -> bytes:
        """What tells this spool from all others, and from one that was begun anew in its place."""
        made = secrets.token_hex(4)
        self._database.execute("insert or ignore into meta values ('spool_id', ?)", (made,))
        return self.get_meta("spool_id").encode()

    def _add_queue(self, name: str, number: int, next_number: int) -> StreamQueue:
        schema.create_queue(self._database, number)
        ends = f"select (select min(number) from queue_{number}), (select max(number) from queue_{number})"
        first, last = self._database.execute(ends).fetchone()
        next_number = max(next_number, 1 + (last or 0))
        made = LiveFirstQueue if self.settings.live_first and "order=strict" not in name.split() else StreamQueue
        queue = made(
            name,
            number,
            read=self.reading.page,
            first=next_number if first is None else first,
            next_number=next_number,
            fresh_bytes=self.settings.fresh_bytes,
        )
        found = self._database.execute("select value from meta where key = ?", (f"marks {number}",)).fetchone()
        queue.marks = [(number, at) for number, at in json.loads(found[0])] if found else []
        queue.spool_id = self.id
        self.queues[name] = queue
        return queue

    # -- numbers ---------------------------------------------------------------------------------------------------

    def mapping_number(self, name: str) -> int:
        """The spool's number for a mapping; a new one is given and kept."""
        return self._number("mappings", self._mappings, name)[0]

    def number_mappings(self, names: list[str]) -> None:
        """As `mapping_number` for each, at once."""
        self._number("mappings", self._mappings, *names)

    def queue(self, stream: str) -> StreamQueue:
        """A stream's queue, begun when it is new."""
        if stream not in self.queues:
            self._add_queue(stream, self.stream_number(stream), 1)
        return self.queues[stream]

    def stream_number(self, name: str) -> int:
        """The spool's number for a stream ("" stands for none: unmatched messages)."""
        return self._number("streams", self._streams, name)[0]

    def get_meta(self, key: str) -> str:
        """What a transaction's `notes` said, or ""."""
        found = self._database.execute("select value from meta where key = ?", (key,)).fetchone()
        return found[0] if found else ""

    def set_meta(self, key: str, value: str) -> None:
        """Remember at once. Raises SpoolWriteError."""
        try:
            self._database.execute("insert or replace into meta values (?, ?)", (key, value))
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def state(self, space: str) -> MappingState:
        """What the mapping of this name remembers."""
        return self.states.setdefault(space, MappingState(space, {}))

    def _number(self, table: str, known: dict[str, int], *names: str) -> list[int]:
        if new := [name for name in names if name not in known]:
            if self._must_reopen:
                self._reopen_database()
            try:
                known.update(numbers(self._database, table, new))
            except sqlite3.Error as error:
                raise self._failed(error) from error
        return [known[name] for name in names]

    # -- the transaction -------------------------------------------------------------------------------------------

    def commit(self, transaction: Transaction) -> None:
        """Put a burst, and everything settled meanwhile, on disk; when this returns, it is there.

        Raises SpoolFull (nothing of the burst was written, but what was settled is gone: call again later),
        SpoolWriteError (nothing was written: call again later), SpoolCorrupt (a restart sets the file aside).
        """
        if self._must_reopen:
            self._reopen_database()
        pending = [queue for queue in self.queues.values() if queue.pending]
        needed = pending_bytes(pending, transaction)
        try:
            if needed and not self._has_room(needed):
                self._write([], None, 0)
                # The log keeps the size it once had; a small spool could seem full for ever.
                self._database.execute("pragma wal_checkpoint(truncate)").fetchall()
                if not self._has_room(needed) and self.settings.when_full == "block":
                    raise SpoolFull(self._room.full_reason(self.used_bytes))
        except sqlite3.Error as error:
            raise self._failed(error) from error
        self._write(pending, transaction, needed)

    @property
    def commit_due(self) -> bool:
        """Even without a burst: something was settled, or there is room to give back to the disk."""
        return self._pages.vacuuming or any(queue.has_settled for queue in self.queues.values())

    def _write(self, pending: list[StreamQueue], burst: Transaction | None, needed: int) -> None:
        """Without a burst only what was settled: the memory of mappings goes with the messages that changed it."""
        transaction = burst or Transaction()
        settled = [(queue, queue.take_settled()) for queue in self.queues.values() if queue.has_settled]
        names = {number: name for name, number in self._mappings.items()} if settled else {}
        changes, database = Ledger(), self._database
        dropping = RecordDropper(database, changes)
        letters = transaction.letters
        try:
            database.execute("begin immediate")
            for queue, settlements in settled:
                letters = letters + write_settled(database, queue, settlements, names, changes)
            if self._room.full and self.settings.when_full == "drop_oldest":
                limit = self._room.limit(self.used_bytes)
                dropping.make_room(self.queues.values(), lambda: self.used_bytes + needed > limit)
            if transaction.expire_before_ms is not None:
                dropping.expire(self.queues.values(), transaction.expire_before_ms)
            write_pending(database, pending, changes)
            write_next(database, {queue for queue, _ in settled}.union(dropping.queues).difference(pending))
            changed_letters = self._write_letters(letters, transaction, changes)
            write_rest(database, transaction, changes)
            changed = write_changed(database, self.states.values() if burst else ())
            shrunk = self._pages.vacuum_step(database)
            database.execute("commit")
        except BaseException as error:
            self._roll_back()
            for queue, settlements in settled:
                queue.settle_again(settlements)
            dropping.failed()
            if isinstance(error, sqlite3.Error):
                raise self._failed(error) from error
            raise
        if shrunk:
            truncate_wal(database)
        written(changed)
        with self._lock:
            self.ledger.add(changes)
            self.dead_letter_counts.add(changed_letters, letters)
        dropping.done()
        for queue in pending:
            queue.committed(transaction.received_at)

    def _write_letters(self, added: list[DeadLetter], transaction: Transaction, changes: Ledger) -> DeadLetterChange:
        removed = {number: len(letter.payload) for number, letter in transaction.removed.items()}
        room = self.settings.max_dead_letter_bytes - self.dead_letter_counts.size
        changed, evicted = write_letters(self._database, added, removed, transaction.amended, room)
        for letter in evicted:
            for stream in letter.streams or ("",):
                mapping = self._mappings.get(letter.mapping, 0)
                changes.of(mapping, self._streams.get(stream, 0)).evicted += 1
        if evicted:
            log.warning("%d old dead letters gave way to newer ones (spool.max_dead_letter_bytes)", len(evicted))
        return changed

    def _unreadable(self, error: sqlite3.Error) -> SpoolCorrupt | SpoolWriteError:
        failure = schema.to_spool_error(error, self.folder.database)
        if isinstance(failure, SpoolCorrupt):
            self.folder.mark_damaged(str(failure))
        return failure

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):  # the error that led here is the one to report
            if self._database.in_transaction:
                self._database.execute("rollback")

    def _failed(self, error: sqlite3.Error) -> SpoolCorrupt | SpoolWriteError:
        failure = self._unreadable(error)
        # After a failed write or fsync nothing that SQLite remembers of the file may be trusted: open it anew.
        self._must_reopen = True
        return failure

    def _reopen_database(self) -> None:
        self._database.close()
        try:
            self._database = schema.connect(self.folder.database)
        except sqlite3.Error as error:
            raise schema.to_spool_error(error, self.folder.database) from error
        self._must_reopen = False

    # -- bounds ----------------------------------------------------------------------------------------------------

    @property
    def used_bytes(self) -> int:
        """On disk: the database's pages in use, and the write-ahead log."""
        return self._pages.used_bytes(self._database)

    def _has_room(self, needed: int) -> bool:
        if self._room.fits_without_measuring(needed):
            return True
        return self._room.fits(self.used_bytes, needed, blocking=self.settings.when_full == "block")

    # -- reading (any thread) --------------------------------------------------------------------------------------

    def ledger_rows(self) -> list[LedgerRow]:
        """The books, in the order of mapping and stream."""
        with self._lock:
            mappings = {number: name for name, number in self._mappings.items()}
            streams = {number: name for name, number in self._streams.items()}
            return sorted(
                LedgerRow(mappings[mapping], streams[stream], *counts.values())
                for (mapping, stream), counts in self.ledger.items()
            )

    def newest_letters(self, count: int) -> list[StoredDeadLetter]:
        """The newest dead letters, newest first."""
        return self.reading.newest_letters(count)

    def waiting_by_count(self) -> dict[str, int]:
        """Records on disk per stream, counted afresh: what the ledger's `spooled` must agree with."""
        return self.reading.waiting(list(self.queues.values()))

    def close(self) -> None:
        """Close the files and let another bridge have them. What is settled but not committed is sent again."""
        for queue in self.queues.values():
            queue.close()
        self.reading.close()
        with suppress(sqlite3.Error):  # closing a spool on a broken disk is still closing it
            self._database.close()
        self.folder.close()
