"""The queue for `kinesis.backlog: live_first`: new records are sent first, and older ones with the remaining capacity.

The newest records are in memory, in the window. A record that waits too long, or no longer fits into the window, moves
to the backlog: it is then only on disk. The order between window and backlog is lost, so a destination with `order:
strict` never uses this class. Records of the backlog are late: they are sent after newer records, and their envelopes
contain `"late":true` (`UnnumberedEnvelope.late`). Deferred records (deferral.py) that are sent after newer records are
late too.
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

# Short enough that all records in memory are recent, but long enough that a slow request does not move records to the
# backlog.
LIVE_SECS = 10.0
"""Seconds in memory, in addition to the linger, after which a record moves to the backlog."""


class LiveFirstQueue(StreamQueue):
    """A `StreamQueue` that hands out the newest records first.

    `_backlog` contains the number spans [first, before) of the records that were not handed out and are only on disk.
    """

    newest_first = True

    def __init__(self, stream: str, number: int, *, first: int, next_number: int, **options: object) -> None:
        super().__init__(stream, number, first=first, next_number=next_number, **options)  # type: ignore[arg-type]  # as they are
        self._backlog = deque([[first, next_number]] if first < next_number else [])
        self._skipped: list[list[int]] = []
        # (number, time) per commit: the records in the window up to this number were committed at this time or earlier.
        self._window_times: deque[tuple[int, float]] = deque()
        self._linger_secs = 0.0

    def committed(self, received_at: float | None = None) -> None:
        """Make the committed records available to senders. Move records that exceed the window to the backlog.

        `received_at` is monotonic time; None means now.
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
            # Too many bytes: the newest records stay in memory, and the oldest move to the backlog.
            while self._fresh_bytes > self._fresh_limit:
                self._move_to_backlog(self._fresh.popleft())
            self._retire()
            ready = self._linger.ends(self._amount())
        if ready:
            self.on_ready()

    def due_at(self, max_records: int, max_bytes: int, linger_secs: float) -> float | None:
        """Return when the sender should take records, like `StreamQueue.due_at`. Store the linger for `_retire`."""
        # During the linger, the sender may not take the record. So this time must not count for LIVE_SECS.
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
            # A record after the last span extends that span, so a long outage needs one span, not one per record.
            self._backlog[-1][1] += 1
        else:
            self._backlog.append([record.number, record.number + 1])

    def _drop_unsent(self, limit: int) -> tuple[int, int] | None:
        """Skip the oldest unsent records with numbers below `limit`, and store their span for `rewind`.

        Return the first and last skipped number, or None if there are no such records.
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
        """Put every span that the failed transaction skipped back into the backlog."""
        with self._changed:
            self._rewind_deferrals()
            self._dropping = False
            # `extendleft` reverses its argument. With `reversed`, the spans are in the order of their numbers.
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
        """Return deferred records for a sender. Records that were overtaken by newer ones get the late mark."""
        found = [self._late(record) if record.number < deferral.overtaken else record for record in records]
        if records:
            deferral.overtaken = max(deferral.overtaken, records[-1].number + 1)
        return found

    def _waiting(self) -> int:
        return len(self._page) + len(self._fresh) + sum(before - first for first, before in self._backlog)

    def _take(self, max_records: int, max_bytes: int) -> list[Record]:
        """Return the next records: those of the window first, then the backlog, page by page."""
        taken: list[Record] = []
        size, full = 0, False
        # Release the lock for each read of the disk, so that ingest can commit during the read.
        while not full:
            with self._changed:
                if self._dropping:
                    break
                self._retire()
                # First the window, then the records of the backlog that were read into memory.
                for source in (self._fresh, self._page):
                    size, full = self._move(source, taken, size, (max_records, max_bytes))
                    if full:
                        break
                first, before = self._backlog[0] if self._backlog else (0, 0)
            if full or first >= before or not self._read_page(first, before, taken):
                break
        return taken

    def _move(self, source: deque[Record], taken: list[Record], size: int, limits: tuple[int, int]) -> tuple[int, bool]:
        """Move records to `taken` until it reaches the `limits` (records, bytes).

        `size` is the size of `taken` so far.

        Return the new size in bytes, and whether the batch is full.
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
        """Read a page of the backlog into memory.

        Return False if the disk cannot be read, but `taken` contains records.

        The sender must get the records in `taken`. If `taken` is empty, the BridgeError of the read is raised.
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
        """Return the record with `"late":true` in its envelope. A record without an envelope is returned unchanged.

        A record that would then exceed its maximum size is returned unchanged too.
        """
        data = UnnumberedEnvelope.late(record.data, self.spool_id, self.number, record.number)
        fits = len(data) + len(record.key.encode()) <= (self.max_record_bytes or DEFAULT_RECORD_BYTES)
        return record._replace(data=data) if fits else record
