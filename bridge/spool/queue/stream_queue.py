"""Queue of one stream. The ingest thread appends records, and senders take them.

A record passes these steps:

1. Pending: the record was appended, but not committed.
2. Committed: the record is on disk.
3. Handed out: a sender has taken the record.
4. Settled: Kinesis has accepted the record, or it becomes a dead letter. The next commit deletes the record.

New records stay in memory in a window of limited size, so that a healthy bridge never reads records back from disk. If
the window is full, because senders are slower than ingest, later records are only on disk. The queue then reads records
from disk in pages, until the senders have caught up.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from bridge.errors import BridgeError
from bridge.model import LONG_DATA_BYTES, BatchingOptions, Record, UnnumberedEnvelope, spread_key
from bridge.spool.queue.batch_size import MAX_KEY_BYTES, first_within
from bridge.spool.queue.commit_times import CommitTimes
from bridge.spool.queue.deferral import DeferringQueue
from bridge.spool.queue.linger import Linger
from bridge.spool.queue.ranges import ENDLESS, Span
from bridge.spool.queue.receive_times import ReceiveTimes
from bridge.spool.queue.settlement import Settlement

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.spool.queue.deferral import PageReader

ROW_BYTES = 250
"""Estimated memory of a record in bytes, without its data."""
# A page of records that is read from disk ends at the first of the next two limits.
PAGE_RECORDS = 2000
PAGE_BYTES = 4 * 1024 * 1024
_new = tuple.__new__  # a NamedTuple's own constructor needs 50 % more time


class StreamQueue(DeferringQueue):
    """Queue of one stream. Each record gets the next higher number."""

    def __init__(
        self,
        stream: str,
        number: int,
        *,
        read: PageReader,
        first: int,
        next_number: int,
        fresh_bytes: int,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        super().__init__()
        self.stream = stream
        self.number = number
        self.max_record_bytes: int | None = None
        self.tuning = BatchingOptions()
        self.next = next_number
        self.pending: list[Record] = []
        self.pending_bytes = 0
        """Total size in bytes of the data in `pending`."""
        self._read = read
        self._now_ms = now_ms
        self._fresh_limit = fresh_bytes
        self._fresh: deque[Record] = deque()
        self._fresh_bytes = 0
        # Records that were read from disk. Their numbers are lower than the numbers in the window `_fresh`.
        self._page: deque[Record] = deque()
        self._cursor = first  # number of the record to hand out after the records in `_page`
        self._tail = next_number  # number after the last committed record
        # True while new records are only on disk.
        self._behind = first < next_number
        self._closed = self._dropping = False
        self._dropped_from: int | None = None
        self.clock: Callable[[], float] = time.monotonic
        self.on_ready: Callable[[], None] = lambda: None
        """Function that the queue calls, without the lock, when the result of `due_at` may have changed."""
        self._linger = Linger()
        self._changed = threading.Lock()
        self._settled: deque[Settlement] = deque()
        self.commits = CommitTimes()
        self.spool_id = b"00000000"
        self.covered = False
        """True if manifests cover this queue (bridge/ingest/manifest_writer.py)."""
        self.unnumbered: list[int] = []
        """If `covered` is True: numbers of the pending records that have no envelope, and so no id."""
        self.receive_times = ReceiveTimes()

    # -- the ingest thread -----------------------------------------------------------------------------------------

    def append(self, mapping: int, key: str | None, data: bytes) -> None:
        """Add a pending record. If `key` is None, the record gets a key from `spread_key`. Ingest thread only."""
        number = self.next
        self.next = number + 1
        if type(data) is UnnumberedEnvelope:
            data = data.numbered(self.spool_id, self.number, number)
        elif self.covered:
            self.unnumbered.append(number)
        # Copy the data, because orjson returns memory blocks of at least 1 KiB. A copy takes 0.1 µs.
        data = memoryview(data).tobytes()
        self.pending_bytes += len(data)
        # For speed, `spread_key` is only called for large records. The result for other records is the same.
        if key is None:
            key = str(number) if len(data) <= LONG_DATA_BYTES else spread_key(number, len(data))
        self.pending.append(_new(Record, (number, mapping, key, data)))

    def committed(self, received_at: float | None = None) -> None:
        """Let senders take the pending records. `received_at` is monotonic time. None means now. Ingest thread only."""
        size = self.pending_bytes + ROW_BYTES * len(self.pending)
        records = self.take_pending()
        with self._changed:
            self._note_waiting()
            self._tail = records[-1].number + 1
            self._note_commit(records, received_at)
            if not self._behind and self._fresh_bytes + size <= self._fresh_limit:
                self._fresh.extend(records)
                self._fresh_bytes += size
            else:
                # The numbers in the window must be consecutive. So new records are only on disk until all are read.
                self._behind = True
            ready = self._linger.ends(self._amount())
        if ready:
            self.on_ready()

    def _note_waiting(self) -> None:
        """Start a linger if the queue is empty. Called before new records are added."""
        if not self._waiting():
            self._linger.begin(self.clock())

    def _amount(self) -> tuple[int, int]:
        """Return the number of buffered records, and the bytes of the records in memory."""
        return self._waiting(), self._fresh_bytes

    def _note_commit(self, records: list[Record], received_at: float | None) -> None:
        now = self.clock()
        self.commits.add(records[0].number, records[-1].number, now if received_at is None else received_at, now)

    def take_pending(self) -> list[Record]:
        """Return the pending records, and clear their list."""
        records, self.pending, self.pending_bytes = self.pending, [], 0
        self.unnumbered.clear()
        return records

    def take_settled(self) -> list[Settlement]:
        """Return the settlements since the last call. Ingest thread only."""
        return [self._settled.popleft() for _ in range(len(self._settled))]

    def settle_again(self, settlements: list[Settlement]) -> None:
        """Return settlements to the queue for the next transaction, because the open transaction failed."""
        self._settled.extendleft(reversed(settlements))

    @property
    def has_settled(self) -> bool:
        """True if settlements wait for a transaction."""
        return bool(self._settled)

    def _drop_unsent(self, limit: int) -> tuple[int, int] | None:
        first = self._first_unsent()
        last = min(limit, self._tail) - 1
        if last < first:
            return None
        if self._dropped_from is None:
            self._dropped_from = first
        while self._page and self._page[0].number <= last:
            self._page.popleft()
        while self._fresh and self._fresh[0].number <= last:
            self._fresh_bytes -= len(self._fresh.popleft().data) + ROW_BYTES
        self._cursor = max(self._cursor, last + 1)
        return first, last

    def older_than(self, moment_ms: int) -> int:
        """Return how many unsent records were certainly received before `moment_ms`, in ms since 1970."""
        with self._changed:
            return max(0, self.receive_times.first_newer(moment_ms, self._tail) - self._oldest_unsent())

    def dropped(self) -> None:
        """Resume handing out records. Called after the commit of the transaction that dropped records."""
        with self._changed:
            self._dropping = False
            self._dropped_from = None
            self._spans_before_drop.clear()
        self.on_ready()

    def rewind(self) -> None:
        """Hand out the dropped records again. Called if the transaction that dropped them failed."""
        with self._changed:
            if self._dropped_from is not None:
                # The dropped records are no longer in memory, so read them from disk.
                self._cursor = self._dropped_from
                self._fresh.clear()
                self._page.clear()
                self._fresh_bytes = 0
                self._behind = True
                self._dropped_from = None
            self._rewind_deferrals()
            self._dropping = False
        self.on_ready()

    # -- age -------------------------------------------------------------------------------------------------------

    def note_receive_time(self, number: int) -> None:
        """Store the present time as the receive time of a record. Ingest thread only."""
        self.receive_times.note(number, self._now_ms())

    def _first_unsent(self) -> int:
        return self._page[0].number if self._page else self._cursor

    def _not_handed_out(self) -> list[Span]:
        return [(self._first_unsent() if self._dropped_from is None else self._dropped_from, ENDLESS)]

    def oldest_secs(self, held: int | None) -> float:
        """Return the age in seconds of the oldest unsettled record. Return 0 if there is none, or its age is unknown.

        `held` is the lowest number of a record that a sender has taken and not settled, or None. Any thread.
        """
        with self._changed:
            number = self._oldest_unsent()
            number = number if held is None else min(held, number)
            if number >= self._tail:
                return 0.0
            return self.commits.age_secs(number, self.clock()) or self._age_secs(number) or 0.0

    def received_ms(self, number: int) -> int:
        """Return a record's receive time in ms since 1970, or 0 if it is unknown. Any thread."""
        return self.receive_times.of(number)

    def _age_secs(self, number: int) -> float | None:
        """Return the seconds since a record was received, or None if unknown."""
        at = self.received_ms(number)
        return max(0.0, (self._now_ms() - at) / 1000) if at else None

    # -- senders ---------------------------------------------------------------------------------------------------

    def due_at(self, max_records: int, max_bytes: int, linger_secs: float) -> float | None:
        """Return the monotonic time at which a sender should take records, or None while there are no records.

        The result is -inf (now) if there are `max_records` records or `max_bytes` of data, or if the last two commits
        are at least `linger_secs` apart. Otherwise, the result is `linger_secs` after the linger began. When the result
        changes, the queue calls `on_ready` once. Any thread.
        """
        with self._changed:
            if self._closed or self._dropping:
                return None
            if not self._waiting():
                self._linger.empty()
                return None
            return self._linger.due_at(self._amount(), (max_records, max_bytes), linger_secs, self.commits.pause_secs)

    def take_batch(self, max_records: int, max_bytes: int) -> list[Record]:
        """Return the next records in order, at most `max_records` records. Each record is returned only once.

        `max_bytes` limits the total size of data and UTF-8 keys, but at least one record is returned. Return [] after
        `close`, or if there are no records: this method never waits for records. Only one thread at a time may call it.
        Raises BridgeError if the disk cannot be read. The records are then returned by a later call.
        """
        if self._closed:
            return []
        taken = self._take(max_records, max_bytes)
        with self._changed:
            self._linger.begin(self.clock())
        return taken

    def settle(self, delivered: list[Record], rejected: list[tuple[Record, str, str]]) -> None:
        """Let the next transaction delete these records. `rejected` contains (record, code, detail). Any thread."""
        self._settled.append(Settlement.of(delivered, rejected))
        if delivered:
            with self._changed:
                self.commits.delivered(delivered, self.clock(), self._age_secs)

    def close(self) -> None:
        """Stop handing out records."""
        with self._changed:
            self._closed = True

    @property
    def waiting(self) -> int:
        """Number of records that no sender has taken yet. It may be too high: it includes numbers without a record."""
        with self._changed:
            return self._waiting() + self._deferred_count()

    def _waiting(self) -> int:
        return len(self._page) + self._tail - self._cursor

    def _take(self, max_records: int, max_bytes: int) -> list[Record]:
        taken: list[Record] = []
        size = 0
        while len(taken) < max_records:
            with self._changed:
                if self._dropping:
                    break
                size, full = self._take_from_memory(taken, size, max_records, max_bytes)
                first, before = self._cursor, self._fresh[0].number if self._fresh else self._tail
            if full or first >= before:
                break
            try:
                self._turn_page(first, before)
            except BridgeError:
                if not taken:
                    raise
                break  # return the records in `taken` first; the next call raises the error again
        return taken

    def _take_from_memory(self, taken: list[Record], size: int, max_records: int, max_bytes: int) -> tuple[int, bool]:
        """Move records from memory to `taken`. Return the maximum bytes of `taken`, and whether the batch is full."""
        fresh = self._fresh
        upper_bound = size + self._fresh_bytes + MAX_KEY_BYTES * len(fresh)
        fits = len(taken) + len(fresh) <= max_records and upper_bound <= max_bytes
        # In the usual case, all records of the window fit. Then the size of each record is not needed.
        if fits and fresh and not self._page and fresh[0].number == self._cursor:
            taken += fresh
            self._cursor = fresh[-1].number + 1
            fresh.clear()
            self._fresh_bytes = 0
            return upper_bound, False
        while len(taken) < max_records:
            source = self._page or fresh
            if not source or (source is fresh and source[0].number != self._cursor):
                return size, False
            offered = list(islice(source, max_records - len(taken)))
            some, data_bytes, key_bytes = first_within(offered, max_bytes - size, 0 if taken else 1)
            for _ in some:
                source.popleft()
            taken += some
            size += data_bytes + key_bytes
            if source is fresh and some:
                self._fresh_bytes -= data_bytes + ROW_BYTES * len(some)
                self._cursor = some[-1].number + 1
            if len(some) < len(offered):
                break
        return size, True

    def _turn_page(self, first: int, before: int) -> None:
        """Read the page of records with first ≤ number < before. Call this without the lock: the disk may be slow."""
        page = self._read(self.number, first, before)
        with self._changed:
            if self._cursor != first:
                return  # the queue dropped records during the read, so the page is obsolete
            self._page.extend(page)
            self._cursor = page[-1].number + 1 if page else before
            # If all committed records were read, new records stay in memory again.
            if self._cursor == self._tail:
                self._behind = False
