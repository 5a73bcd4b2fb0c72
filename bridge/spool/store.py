"""The open spool: commits, settlement, limits and reading. The docstring of `bridge.spool` describes the format."""

from __future__ import annotations

import json
import logging
import secrets
import sqlite3
import threading
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING

from bridge.errors import SpoolCorrupt, SpoolFull, SpoolWriteError
from bridge.spool.database import database_file
from bridge.spool.database.name_ids import assign_numbers
from bridge.spool.database.page_usage import PageUsage, truncate_wal
from bridge.spool.database.reader import SpoolReader
from bridge.spool.database.tables import LEDGER, MAPPINGS, META, STREAMS, UNRELEASED
from bridge.spool.database.transaction import (
    Transaction,
    pending_bytes,
    write_next,
    write_pending,
    write_rest,
    write_settled,
)
from bridge.spool.database.verification import verify
from bridge.spool.dead_letters import (
    DeadLetterChange,
    DeadLetterCounts,
    StoredDeadLetter,
    count_poison,
    measure_dead_letters,
    shortened,
    write_dead_letters,
)
from bridge.spool.ledger import Ledger, LedgerLine, LedgerRow
from bridge.spool.mapping_state import MAX_STATE_BYTES, SPOOL_SHARE, MappingState, MappingStates, clear_changed
from bridge.spool.queue.live_first_queue import LiveFirstQueue
from bridge.spool.queue.stream_queue import StreamQueue
from bridge.spool.retention import DiskBudget, RecordDropper
from bridge.spool.wall_clock import WallClock, plausible_receive_times

if TYPE_CHECKING:
    from bridge.model import DeadLetter
    from bridge.spool.database.tables import Table
    from bridge.spool.directory import SpoolDirectory
    from bridge.spool.settings import SpoolSettings

log = logging.getLogger(__name__)

# Errors that `_load` raises only for a damaged database, with values that no version of this program writes.
_UNREADABLE = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError)


class Spool:
    """The open spool. Only the ingest thread prepares and commits transactions. Any thread may read and use queues."""

    def __init__(self, settings: SpoolSettings, folder: SpoolDirectory, *, live_first: bool = False) -> None:
        """Open the database in the locked folder. Raises SpoolCorrupt or SpoolWriteError. Called by `open_spool`."""
        self.settings = settings
        self._live_first = live_first
        self.clock = WallClock()
        self.folder = folder
        self.queues: dict[str, StreamQueue] = {}
        self.ledger = Ledger()
        self._lock = threading.Lock()
        self._must_reopen = False
        self._room = DiskBudget(settings.path, settings.max_bytes, settings.min_free_bytes)
        self._damage: SpoolCorrupt | None = None
        folder.reject_damaged_files()
        try:
            with ExitStack() as opened:
                self._database = opened.enter_context(closing(database_file.connect_writer(folder.database)))
                self.reading = opened.enter_context(closing(SpoolReader(folder.database, self._to_spool_error)))
                self._load()
                opened.pop_all()  # keep both connections open, because no error has occurred
        except sqlite3.Error as error:
            raise database_file.to_spool_error(error, folder.database) from error
        except _UNREADABLE as error:
            raise SpoolCorrupt(f"{folder.database}: {type(error).__name__}: {error}") from error
        folder.note_opened()

    def _load(self) -> None:
        """Read the ledger, names, states and queues from the database. Raises sqlite3.Error, or one of _UNREADABLE."""
        self._pages = PageUsage(self.folder.database, self._database)
        for mapping, stream, *counts, _ in LEDGER.read(self._database):
            self.ledger[mapping, stream] = LedgerLine(*counts)
        self._mappings = {name: number for number, name in MAPPINGS.read(self._database)}
        streams = list(STREAMS.read(self._database))
        self._streams = {name: number for number, name, _ in streams}
        self.open_qos2_ids = {packet for (packet,) in UNRELEASED.read(self._database)}
        self._meta: dict[str, str] = dict(META.read(self._database))
        held = self._meta.get("held_filters")
        self.broker_filters: frozenset[str] = frozenset(json.loads(held)) if held else frozenset()
        state_bytes = min(MAX_STATE_BYTES, self.settings.max_bytes // SPOOL_SHARE)
        self.states = MappingStates(self._database, state_bytes)
        self.dead_letter_counts = DeadLetterCounts(*measure_dead_letters(self._database), count_poison(self._database))
        self.id = self._spool_id()
        for number, name, next_number in streams:
            if name:  # the stream "" stands for unmatched messages, and has no queue
                self._add_queue(name, number, next_number)
        verify(self._database, self.ledger, self.queues.values())

    def _spool_id(self) -> bytes:
        """Return this spool's id: 8 random hexadecimal digits. A new spool at the same path has a different id."""
        if "spool_id" not in self._meta:
            self.set_meta("spool_id", secrets.token_hex(4))
        return self.get_meta("spool_id").encode()

    def _add_queue(self, name: str, number: int, next_number: int) -> StreamQueue:
        """Create a queue and its table, or load an existing queue."""
        database_file.create_queue(self._database, number)
        ends = f"select (select min(number) from queue_{number}), (select max(number) from queue_{number})"
        first, last = self._database.execute(ends).fetchone()
        # The column `streams.next` is only written when the newest row is deleted, so use the larger number.
        next_number = max(next_number, 1 + (last or 0))
        # A queue with strict order must not hand out the newest records first.
        made = LiveFirstQueue if self._live_first and "order=strict" not in name.split() else StreamQueue
        queue = made(
            name,
            number,
            read=self.reading.page,
            first=next_number if first is None else first,
            next_number=next_number,
            fresh_bytes=self.settings.fresh_bytes,
            now_ms=self.clock.now_ms,
        )
        found = self.get_meta(f"marks {number}")
        queue.receive_times.pairs = plausible_receive_times(json.loads(found) if found else [], self.clock.now_ms())
        queue.spool_id = self.id
        self.queues[name] = queue
        return queue

    # -- numbers ---------------------------------------------------------------------------------------------------

    def mapping_number(self, name: str) -> int:
        """Return a mapping's number. A new mapping gets a number. Raises SpoolCorrupt or SpoolWriteError."""
        return self._number(MAPPINGS, self._mappings, name)[0]

    def number_mappings(self, names: list[str]) -> None:
        """Assign numbers to all new names in one transaction. Raises SpoolCorrupt or SpoolWriteError."""
        self._number(MAPPINGS, self._mappings, *names)

    def queue(self, stream: str) -> StreamQueue:
        """Return the queue of a stream. Create the queue if it does not exist."""
        if stream not in self.queues:
            self._add_queue(stream, self.stream_number(stream), 1)
        return self.queues[stream]

    def stream_number(self, name: str) -> int:
        """Return a stream's number. A new stream gets a number. Messages without a mapping have the stream ""."""
        return self._number(STREAMS, self._streams, name)[0]

    def get_meta(self, key: str) -> str:
        """Return the value that is stored under this key, or ""."""
        return self._meta.get(key, "")

    def set_meta(self, key: str, value: str) -> None:
        """Store a value under a key at once, in a separate transaction. Raises SpoolCorrupt or SpoolWriteError."""
        try:
            META.write(self._database, [(key, value)])
        except sqlite3.Error as error:
            raise self._failed(error) from error
        self._meta[key] = value

    def state(self, space: str) -> MappingState:
        """Return the stored state of the mapping with this name. A new mapping gets an empty state."""
        return self.states.of(space)

    def _number(self, table: Table, known: dict[str, int], *names: str) -> list[int]:
        """Return the numbers of names in a table. New names get numbers."""
        if new := [name for name in names if name not in known]:
            if self._must_reopen:
                self._reopen_database()
            try:
                known.update(assign_numbers(self._database, table, known, new))
            except sqlite3.Error as error:
                raise self._failed(error) from error
        return [known[name] for name in names]

    # -- transactions ----------------------------------------------------------------------------------------------

    def commit(self, transaction: Transaction) -> None:
        """Write a burst, and delete settled records. When this method returns, the changes are on disk.

        Ingest thread only. Raises SpoolFull if the burst does not fit, and SpoolWriteError if the disk accepts nothing.
        After both errors, retry later. After SpoolCorrupt, the next start moves the database to quarantine.
        """
        if self._damage is not None:
            raise self._damage
        if self._must_reopen:
            self._reopen_database()
        pending = [queue for queue in self.queues.values() if queue.pending]
        transaction.dead_letters = shortened(transaction.dead_letters, self.settings.dead_letter_bytes)
        needed = pending_bytes(pending, transaction)
        try:
            if needed and not self._has_room(needed):
                # Delete the settled records first, because this may free enough space for the burst.
                self._write([], None, 0)
                # Truncate the log, because it counts as used space. Otherwise, a small spool could seem full for ever.
                self._database.execute("pragma wal_checkpoint(truncate)").fetchall()
                if not self._has_room(needed) and self.settings.when_full == "block":
                    raise SpoolFull(self._room.full_reason(self.used_bytes))
        except sqlite3.Error as error:
            raise self._failed(error) from error
        self._write(pending, transaction, needed)

    @property
    def commit_due(self) -> bool:
        """True if a commit is necessary even without a burst.

        The commit deletes settled records, returns free pages to the file system, or raises the SpoolCorrupt that a
        reader has found.
        """
        settled = any(queue.has_settled for queue in self.queues.values())
        return settled or self._pages.vacuuming or self._damage is not None

    def _write(self, pending: list[StreamQueue], burst: Transaction | None, needed: int) -> None:
        """Write all settlements, and `burst` if it is given. States are only written together with a burst."""
        transaction = burst or Transaction()
        settled = [(queue, queue.take_settled()) for queue in self.queues.values() if queue.has_settled]
        names = {number: name for name, number in self._mappings.items()} if settled else {}
        changes, database = Ledger(), self._database
        dropping = RecordDropper(database, changes)
        dead_letters = transaction.dead_letters
        try:
            database.execute("begin immediate")
            for queue, settlements in settled:
                dead_letters = dead_letters + write_settled(database, queue, settlements, names, changes)
            # Delete settled records before dropping others, so that as few records as possible are dropped.
            if self._room.full and self.settings.when_full == "drop_oldest":
                limit = self._room.limit(self.used_bytes)
                dropping.make_room(self.queues.values(), lambda: self.used_bytes + needed > limit)
            if transaction.expire_before_ms is not None:
                dropping.expire(self.queues.values(), transaction.expire_before_ms)
            write_pending(database, pending, changes)
            write_next(database, {queue for queue, _ in settled}.union(dropping.queues).difference(pending))
            changed_dead_letters = self._write_dead_letters(dead_letters, transaction, changes)
            write_rest(database, transaction, self.ledger, changes)
            changed = self.states.write_changed(database) if burst else []
            shrunk = self._pages.vacuum_step(database)
            database.execute("commit")
        except BaseException as error:
            self._roll_back()
            for queue, settlements in settled:
                queue.settle_again(settlements)
            # After the rollback, the settled and the dropped records are still on disk, so return them to their queues.
            dropping.failed()
            if isinstance(error, sqlite3.Error):
                raise self._failed(error) from error
            raise
        if shrunk:  # after the commit, because a checkpoint is not possible within a transaction
            truncate_wal(database)
        # Call this after the commit. If the commit fails, the next transaction must write these states again.
        clear_changed(changed)
        self._meta |= transaction.meta
        with self._lock:
            # Other threads read both counts, so change them together and only after the commit.
            self.ledger.add(changes)
            self.dead_letter_counts.add(changed_dead_letters, dead_letters)
        dropping.done()
        for queue in pending:
            # Call this after the commit, so that senders take only records that are on disk.
            queue.committed(transaction.received_at)

    def _write_dead_letters(
        self, added: list[DeadLetter], transaction: Transaction, changes: Ledger
    ) -> DeadLetterChange:
        """Write the table of dead letters. Count the evicted dead letters in `changes`, the changes of the ledger."""
        bounds = self.settings.dead_letter_bytes, self.dead_letter_counts.size
        changed, evicted = write_dead_letters(self._database, added, transaction.removed, transaction.amended, *bounds)
        for dead_letter in evicted:
            for stream in dead_letter.streams or ("",):
                mapping = self._mappings.get(dead_letter.mapping, 0)
                changes.of(mapping, self._streams.get(stream, 0)).evicted += 1
        if evicted:
            log.warning("evicted the %d oldest dead letters (spool.max_dead_letter_bytes)", len(evicted))
        return changed

    def _to_spool_error(self, error: sqlite3.Error) -> SpoolCorrupt | SpoolWriteError:
        """Return the spool's error for an sqlite3 error. If the database is damaged, write the marker file."""
        failure = database_file.to_spool_error(error, self.folder.database)
        if isinstance(failure, SpoolCorrupt):
            self.folder.mark_damaged(str(failure))
            # A sender or the status page may have found the damage, so let the next commit raise the error too.
            self._damage = failure
        return failure

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):  # the caller reports the error that caused the rollback
            if self._database.in_transaction:
                self._database.execute("rollback")

    def _failed(self, error: sqlite3.Error) -> SpoolCorrupt | SpoolWriteError:
        """Return the spool's error for an sqlite3 error, and let the next write reopen the database."""
        failure = self._to_spool_error(error)
        # After a failed write or fsync, SQLite's cache of the file is not reliable.
        self._must_reopen = True
        return failure

    def _reopen_database(self) -> None:
        self._database.close()
        try:
            self._database = database_file.connect_writer(self.folder.database)
        except sqlite3.Error as error:
            raise database_file.to_spool_error(error, self.folder.database) from error
        self._must_reopen = False

    # -- bounds ----------------------------------------------------------------------------------------------------

    @property
    def used_bytes(self) -> int:
        """Bytes on disk: pages in use of the database, and the write-ahead log."""
        return self._pages.used_bytes(self._database)

    def _has_room(self, needed: int) -> bool:
        if self._room.fits_without_measuring(needed):
            return True
        return self._room.fits(self.used_bytes, needed, blocking=self.settings.when_full == "block")

    # -- reading (any thread) --------------------------------------------------------------------------------------

    def ledger_rows(self) -> list[LedgerRow]:
        """Return the lines of the ledger, sorted by mapping and stream. Any thread."""
        with self._lock:
            mappings = {number: name for name, number in self._mappings.items()}
            streams = {number: name for name, number in self._streams.items()}
            return sorted(
                LedgerRow(mappings[mapping], streams[stream], *counts.values())
                for (mapping, stream), counts in self.ledger.items()
            )

    def newest_dead_letters(self, count: int) -> list[StoredDeadLetter]:
        """Return the newest `count` dead letters, newest first. Any thread."""
        return self.reading.newest_dead_letters(count)

    def waiting_by_count(self) -> dict[str, int]:
        """Return the number of rows in each queue's table, by stream. Each must equal the ledger's `spooled`."""
        return self.reading.waiting(list(self.queues.values()))

    def close(self) -> None:
        """Close the files and release the lock. Records that were settled but not committed will be sent again."""
        for queue in self.queues.values():
            queue.close()
        self.reading.close()
        with suppress(sqlite3.Error):  # `close` must release the lock even if the disk has failed
            self._database.close()
        self.folder.close()
