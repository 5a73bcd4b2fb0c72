"""The queue for `kinesis.backlog: live_first`: new records are sent before older records.

The newest records are in memory, in the window. A record that waits too long, or no longer fits into the window, moves
to the backlog, which is only on disk. Records of the backlog are sent when the window is empty.

A record is late if it is sent after newer records. Its envelope then contains `"late":true`. All records of the backlog
are late. Deferred records (deferral.py) may be late too. A destination with `order: strict` never uses this queue.
"""

from __future__ import annotations

from collections import deque
from itertools import chain
from typing import TYPE_CHECKING

from bridge.errors import BridgeError
from bridge.model import DEFAULT_RECORD_BYTES, UnnumberedEnvelope
from bridge.spool.queue.ranges import ENDLESS, Span
from bridge.spool.queue.stream_queue import ROW_BYTES, StreamQueue

if TYPE_CHECKING:
    from bridge.model import Record
    from bridge.spool.queue.deferral import Deferral

# With a longer time, the records in memory would not be recent. With a shorter time, each slow request would move
# records to the backlog.
LIVE_SECS = 10.0
"""Time in the window, in addition to the linger, after which a record moves to the backlog."""


class LiveFirstQueue(StreamQueue):
    """A `StreamQueue` that hands out the newest records first.

    `_backlog` contains spans [first, before) of numbers. The records in them were not handed out, and are only on disk.
    """

    newest_first = True

    def __init__(self, stream: str, number: int, *, first: int, next_number: int, **options: object) -> None:
        super().__init__(stream, number, first=first, next_number=next_number, **options)  # type: ignore[arg-type]  # unchanged
        self._backlog = deque([[first, next_number]] if first < next_number else [])
        self._skipped: list[list[int]] = []
        # One pair (number, time) per commit. The records up to this number were committed at this time or earlier.
        self._window_times: deque[tuple[int, float]] = deque()
        self._linger_secs = 0.0

    def committed(self, received_at: float | None = None) -> None:
        """Let senders take the pending records. Move records that exceed the window to the backlog.

        `received_at` is the monotonic time at which the records were received. None means now.
        """
        size = self.pending_bytes + ROW_BYTES * len(self.pending)
        records = self.take_pending()
        with self._changed:
            self._note_waiting()
            self._tail = records[-1].number + 1
            self._note_commit(records, received_at)
            self._fresh.extend(records)
            self._fresh_bytes += size
            self._window_times.append((records[-1].number, self.clock()))
            while self._fresh_bytes > self._fresh_limit:
                self._move_to_backlog(self._fresh.popleft())
            self._retire()
            ready = self._linger.ends(self._amount())
        if ready:
            self.on_ready()

    def due_at(self, max_records: int, max_bytes: int, linger_secs: float) -> float | None:
        """Return the time at which a sender should take records, as in `StreamQueue.due_at`."""
        # Store the linger for `_retire`. The sender takes no records during the linger, so this time must not count
        # for LIVE_SECS.
        self._linger_secs = linger_secs
        return super().due_at(max_records, max_bytes, linger_secs)

    @property
    def live_bytes(self) -> int:
        """Bytes of the records in the window. They are sent before the backlog. Any thread."""
        return self._fresh_bytes

    def _retire(self) -> None:
        """Move records that have waited too long from the window to the backlog."""
        live_since = self.clock() - LIVE_SECS - self._linger_secs
        while self._window_times and self._window_times[0][1] < live_since:
            last, _ = self._window_times.popleft()
            while self._fresh and self._fresh[0].number <= last:
                self._move_to_backlog(self._fresh.popleft())

    def _move_to_backlog(self, record: Record) -> None:
        self._fresh_bytes -= len(record.data) + ROW_BYTES
        if self._backlog and self._backlog[-1][1] == record.number:
            # The record follows the last span, so extend this span. Otherwise, each record would need its own span.
            self._backlog[-1][1] += 1
        else:
            self._backlog.append([record.number, record.number + 1])

    def _drop_unsent(self, limit: int) -> tuple[int, int] | None:
        """Skip the oldest unsent records with numbers below `limit`, and store their span for `rewind`.

        Return the first and the last skipped number, or None if there are no such records.
        """
        oldest = self._first_unsent()
        if oldest >= min(limit, self._tail):
            return None
        # The oldest unsent record may be in the page that was read from disk, in the backlog, or in the window.
        if self._page and self._page[0].number == oldest:
            span = self._pass_over(self._page, limit)
        elif self._backlog and self._backlog[0][0] == oldest:
            span = [oldest, min(limit, self._backlog[0][1])]
            self._backlog[0][0] = span[1]
            if span[1] == self._backlog[0][1]:
                self._backlog.popleft()
        else:
            span = self._pass_over(self._fresh, limit)
        self._skipped.append(span)
        return span[0], span[1] - 1

    def _pass_over(self, records: deque[Record], limit: int) -> list[int]:
        first = records[0].number
        while records and records[0].number < limit:
            last = records.popleft()
            if records is self._fresh:
                self._fresh_bytes -= len(last.data) + ROW_BYTES
        return [first, last.number + 1]

    def dropped(self) -> None:
        """Resume handing out records. Called after the commit of the transaction that dropped records."""
        self._skipped.clear()
        super().dropped()

    def rewind(self) -> None:
        """Put the spans that the failed transaction has skipped back into the backlog."""
        with self._changed:
            self._rewind_deferrals()
            self._dropping = False
            # `extendleft` adds the spans in reverse order, so reverse them first.
            self._backlog.extendleft(reversed(self._skipped))
            self._skipped.clear()
        self.on_ready()

    def _first_unsent(self) -> int:
        firsts = [span[0] for span in self._backlog]
        firsts += [records[0].number for records in (self._page, self._fresh) if records]
        return min(firsts, default=self._tail)

    def _not_handed_out(self) -> list[Span]:
        spans = [(first, before) for first, before in chain(self._backlog, self._skipped)]
        if self._page:
            spans.append((self._page[0].number, self._page[-1].number + 1))
        return [*sorted(spans), (self._fresh[0].number if self._fresh else self._tail, ENDLESS)]

    def _mark_late(self, deferral: Deferral, records: list[Record]) -> list[Record]:
        """Return deferred records for a sender. If newer records were handed out before a record, mark it as late."""
        found = [self._late(record) if record.number < deferral.overtaken else record for record in records]
        if records:
            deferral.overtaken = max(deferral.overtaken, records[-1].number + 1)
        return found

    def _waiting(self) -> int:
        return len(self._page) + len(self._fresh) + sum(before - first for first, before in self._backlog)

    def _take(self, max_records: int, max_bytes: int) -> list[Record]:
        """Return the next records: first the records of the window, then the records of the backlog, page by page."""
        taken: list[Record] = []
        size, full = 0, False
        # Release the lock while reading from disk, so that the ingest thread can commit.
        while not full:
            with self._changed:
                if self._dropping:
                    break
                self._retire()
                # Take records from the window first, and then from the page of the backlog that is in memory.
                for source in (self._fresh, self._page):
                    size, full = self._move(source, taken, size, (max_records, max_bytes))
                    if full:
                        break
                first, before = self._backlog[0] if self._backlog else (0, 0)
            if full or first >= before or not self._read_page(first, before, taken):
                break
        return taken

    def _move(self, source: deque[Record], taken: list[Record], size: int, limits: tuple[int, int]) -> tuple[int, bool]:
        """Move records to `taken` until it reaches the `limits` (number of records, bytes).

        `size` is the size of `taken` in bytes before this call. Return the new size, and whether a limit was reached.
        """
        while source:
            record = source[0]
            size += len(record.data) + len(record.key.encode())
            if len(taken) >= limits[0] or (size > limits[1] and taken):
                return size, True
            source.popleft()
            if source is self._fresh:
                self._fresh_bytes -= len(record.data) + ROW_BYTES
            taken.append(record)
        return size, False

    def _read_page(self, first: int, before: int, taken: list[Record]) -> bool:
        """Read a page of the backlog into memory. Return True.

        If the disk cannot be read, raise BridgeError. If `taken` contains records, return False instead, because the
        sender must get these records.
        """
        try:
            page = self._read(self.number, first, before)
        except BridgeError:
            if not taken:
                raise
            return False
        with self._changed:
            if not self._backlog or self._backlog[0][0] != first:
                return True  # the queue dropped records during the read
            self._page.extend(map(self._late, page))
            for deferral in self.deferrals if page else ():
                # Deferred records of this page are sent after the other records of the page, so they are late too.
                deferral.overtaken = max(deferral.overtaken, page[-1].number + 1)
            self._backlog[0][0] = page[-1].number + 1 if page else before
            if self._backlog[0][0] >= self._backlog[0][1]:
                self._backlog.popleft()
        return True

    def _late(self, record: Record) -> Record:
        """Return the record with `"late":true` in its envelope.

        A record without an envelope, and a record that would become too large, are returned unchanged.
        """
        data = UnnumberedEnvelope.late(record.data, self.spool_id, self.number, record.number)
        fits = len(data) + len(record.key.encode()) <= (self.max_record_bytes or DEFAULT_RECORD_BYTES)
        return record._replace(data=data) if fits else record
