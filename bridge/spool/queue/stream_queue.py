"""One stream's queue: what ingest appends, senders collect, and settling removes.

A bounded window of fresh records stays in memory, so that a healthy bridge never reads back what it has just written.
When senders fall behind, the window is given up and pages are read from the database until they have caught up.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from bridge.errors import BridgeError
from bridge.model import MAX_PARTITION_KEY_CHARS, BatchingOptions, Record, UnnumberedEnvelope
from bridge.spool.queue.commit_times import Commits
from bridge.spool.queue.deferral import Leaving
from bridge.spool.queue.ranges import ENDLESS, Span
from bridge.spool.queue.settlement import Settlement

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.spool.queue.deferral import Read

ROW_BYTES = 250
"""What a record costs in memory beside its data."""
_KEY_BYTES = 4 * MAX_PARTITION_KEY_CHARS
"""The longest key in UTF-8."""
MARK_MS = 5_000
_MARKS_KEPT = 200
PAGE_RECORDS = 2000
PAGE_BYTES = 4 * 1024 * 1024
_new = tuple.__new__  # a NamedTuple's own constructor takes half as long again


class StreamQueue(Leaving):
    """Numbers count up without a gap; a record leaves only by being settled or, under `drop_oldest`, dropped."""

    def __init__(
        self,
        stream: str,
        number: int,
        *,
        read: Read,
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
        """Of their data."""
        self._read = read
        self._now_ms = now_ms
        self._fresh_limit = fresh_bytes
        self._fresh: deque[Record] = deque()
        self._fresh_bytes = 0
        self._page: deque[Record] = deque()
        self._cursor = first
        self._tail = next_number
        self._behind = first < next_number
        self._closed = self._dropping = False
        self._dropped_from: int | None = None
        self._collecting = threading.Lock()
        self._lingers_for: tuple[int, int] | None = None
        """Records and bytes that end the wait of the one that collects; None while it waits for a first record."""
        self._changed = threading.Condition(threading.Lock())
        self._settled: deque[Settlement] = deque()
        self.commits = Commits()
        self.spool_id = b"00000000"
        self.covered = False
        """Whether manifests tell of its records (bridge/ingest/manifest_writer.py): then it notes which have no id."""
        self.unnumbered: list[int] = []
        self.marks: list[tuple[int, int]] = []
        """(number, milliseconds since 1970): a record of that number was received then. Never changed, but replaced."""
        self.marks_changed = False

    # -- the ingest thread -----------------------------------------------------------------------------------------

    def append(self, mapping: int, key: str | None, data: bytes) -> None:
        """Number a record for the transaction to come. Without a key, its number spreads it over the shards."""
        number = self.next
        self.next = number + 1
        if type(data) is UnnumberedEnvelope:
            data = data.numbered(self.spool_id, self.number, number)
        elif self.covered:
            self.unnumbered.append(number)
        # orjson makes its result in a block of 1 KiB and shrinks it in place, which leaves the rest of the block idle
        # as long as the result lives. A copy costs 0.1 µs and makes the window in memory a quarter of the size.
        data = memoryview(data).tobytes()
        self.pending_bytes += len(data)
        self.pending.append(_new(Record, (number, mapping, str(number) if key is None else key, data)))

    def committed(self, received_at: float | None = None) -> None:
        """What was pending is on disk: let senders have it. `received_at`: of the steady clock; None: just now."""
        size = self.pending_bytes + ROW_BYTES * len(self.pending)
        records = self.take_pending()
        with self._changed:
            self._tail = records[-1].number + 1
            self._note_commit(records, received_at)
            if not self._behind and self._fresh_bytes + size <= self._fresh_limit:
                self._fresh.extend(records)
                self._fresh_bytes += size
            else:
                # From here on the database is the only place that has them, until senders have caught up.
                self._behind = True
            self._mark(records[0].number)
            self._wake_collector()

    def _wake_collector(self) -> None:
        """Unless it lingers for more than there is yet: so are most, where commits are small. At 1,000 messages a
        second a tenth of the CPU went to waking it for nothing."""
        if self._lingers_for is None or not self._lacking(*self._lingers_for):
            self._changed.notify_all()

    def _lacking(self, max_records: int, max_bytes: int) -> bool:
        return self._waiting() < max_records and self._fresh_bytes < max_bytes

    def _note_commit(self, records: list[Record], received_at: float | None) -> None:
        now = time.monotonic()
        self.commits.add(records[0].number, records[-1].number, now if received_at is None else received_at, now)

    def take_pending(self) -> list[Record]:
        """What is pending, which it is no longer."""
        records, self.pending, self.pending_bytes = self.pending, [], 0
        self.unnumbered.clear()
        return records

    def take_settled(self) -> list[Settlement]:
        """What senders have settled since the last call."""
        settled = []
        while self._settled:
            settled.append(self._settled.popleft())
        return settled

    def settle_again(self, settlements: list[Settlement]) -> None:
        """The transaction with them failed: they belong to the next one."""
        self._settled.extendleft(reversed(settlements))

    @property
    def has_settled(self) -> bool:
        """Whether a transaction is due even without new messages."""
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
        """How many of the records that no sender holds were surely received before then."""
        with self._changed:
            passed = [number for number, at in self.marks if at <= moment_ms]
            if passed and self.marks[-1][1] + MARK_MS <= moment_ms:
                passed.append(self._tail)  # what came later than that would have had a mark of its own
            return max(0, passed[-1] - self._oldest_unsent()) if passed else 0

    def dropped(self) -> None:
        """The transaction with the deletions is on disk."""
        with self._changed:
            self._dropping = False
            self._dropped_from = None
            self._left_dropped.clear()
            self._changed.notify_all()

    def rewind(self) -> None:
        """The transaction that dropped some failed: all of them are to be sent after all."""
        with self._changed:
            if self._dropped_from is not None:
                self._cursor = self._dropped_from
                self._fresh.clear()
                self._page.clear()
                self._fresh_bytes = 0
                self._behind = True
                self._dropped_from = None
            self._rewind_left()
            self._dropping = False
            self._changed.notify_all()

    # -- age -------------------------------------------------------------------------------------------------------

    def _mark(self, number: int) -> None:
        now = self._now_ms()
        if self.marks and 0 <= now - self.marks[-1][1] < MARK_MS:
            return
        marks = [*self.marks, (number, now)]
        if len(marks) > _MARKS_KEPT:  # the older half at half the resolution
            marks = marks[: _MARKS_KEPT // 2 : 2] + marks[_MARKS_KEPT // 2 :]
        self.marks, self.marks_changed = marks, True

    def _first_unsent(self) -> int:
        return self._page[0].number if self._page else self._cursor

    def _kept_back(self) -> list[Span]:
        return [(self._first_unsent() if self._dropped_from is None else self._dropped_from, ENDLESS)]

    def oldest_secs(self, held: int | None) -> float:
        """How long ago the oldest record was received that is not settled; 0 if there is none.

        `held` is the oldest that the sender holds. Any thread.
        """
        with self._changed:
            number = self._oldest_unsent()
            number = number if held is None else min(held, number)
            if number >= self._tail:
                return 0.0
            return self._age_secs(number) or 0.0

    def received_ms(self, number: int) -> int:
        """When a record was received, by the marks; 0 of one that is older than they are. Any thread."""
        return next((at for first, at in reversed(self.marks) if first <= number), 0)

    def _age_secs(self, number: int) -> float | None:
        """How long ago a record was received; None where that is not known."""
        at = self.received_ms(number)
        return max(0.0, (self._now_ms() - at) / 1000) if at else None

    # -- senders ---------------------------------------------------------------------------------------------------

    def collect(self, max_records: int, max_bytes: int, linger_secs: float, timeout_secs: float) -> list[Record]:
        """The next records in order, each handed out once.

        Waits up to `timeout_secs` for a first one, then up to `linger_secs` for more; returns at once when full
        (records, or bytes of data and UTF-8 keys), and when the newest ended a pause as long as that, since it would
        wait in vain; [] on timeout or after `close`. Any thread; one lingers at a time.
        """
        deadline = time.monotonic() + timeout_secs
        if not self._collecting.acquire(timeout=timeout_secs):
            return []
        try:
            with self._changed:
                while (self._dropping or not self._waiting()) and not self._closed:
                    remaining = deadline - time.monotonic()
                    if remaining <= 0:
                        return []
                    self._changed.wait(remaining)
                alone = self.commits.pause_secs >= linger_secs
                lingered = time.monotonic() + (0.0 if alone else linger_secs)
                self._lingers_for = max_records, max_bytes
                while self._lacking(max_records, max_bytes) and not self._closed:
                    remaining = lingered - time.monotonic()
                    if remaining <= 0:
                        break
                    self._changed.wait(remaining)
                self._lingers_for = None
                if self._closed:
                    return []
            return self._take(max_records, max_bytes)
        finally:
            self._collecting.release()

    def settle(self, delivered: list[Record], rejected: list[tuple[Record, str, str]]) -> None:
        """These leave the queue with the next transaction. Any thread; never blocks on disk."""
        self._settled.append(Settlement.of(delivered, rejected))
        if delivered:
            with self._changed:
                self.commits.delivered(delivered, time.monotonic(), self._age_secs)

    def close(self) -> None:
        """Let every waiting `collect` return."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """Records on disk that no sender has collected yet (an upper bound while numbers have gaps)."""
        with self._changed:
            return self._waiting() + self._passed_over_count()

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
                break  # what was taken must reach the sender; the next call meets the error again
        return taken

    def _take_from_memory(self, taken: list[Record], size: int, max_records: int, max_bytes: int) -> tuple[int, bool]:
        """Move records to `taken`; the bytes taken in all, and whether the batch is full."""
        fresh = self._fresh
        most = size + self._fresh_bytes + _KEY_BYTES * len(fresh)  # all of them come to no more
        fits = len(taken) + len(fresh) <= max_records and most <= max_bytes
        if fits and fresh and not self._page and fresh[0].number == self._cursor:
            taken.extend(fresh)
            self._cursor = fresh[-1].number + 1
            fresh.clear()
            self._fresh_bytes = 0
            return most, False
        while len(taken) < max_records:
            from_page = bool(self._page)
            source = self._page if from_page else self._fresh
            if not source or (not from_page and source[0].number != self._cursor):
                return size, False
            record = source[0]
            # A key of n characters is at most 4n bytes; only near the limit is it worth encoding.
            size += len(record.data) + (len(record.key) if record.key.isascii() else len(record.key.encode()))
            if size > max_bytes and taken:
                return size, True
            source.popleft()
            if not from_page:
                self._fresh_bytes -= len(record.data) + ROW_BYTES
                self._cursor = record.number + 1
            taken.append(record)
        return size, True

    def _turn_page(self, first: int, before: int) -> None:
        """Read records `first` ≤ number < `before` from the database: a page of them. Not under the lock."""
        page = self._read(self.number, first, before)
        with self._changed:
            if self._cursor != first:
                return  # dropped meanwhile
            self._page.extend(page)
            self._cursor = page[-1].number + 1 if page else before
            if self._cursor == self._tail:
                self._behind = False
