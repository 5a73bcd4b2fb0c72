"""`kinesis.backlog: live_first`: what has just been received goes first, and the backlog fills what room is left.

The window in memory holds the newest records, and gives up to the backlog on disk what has waited for long, or what it
has no room for. Order across the two is not kept, so a destination with strict order never has such a queue.

What comes from the backlog is late, and its envelope says so from then on, where it has one: see
`UnnumberedEnvelope.late`. So is what was left for its key's sake (`leaving`), and comes after newer ones of the same.
"""

from __future__ import annotations

import time
from collections import deque
from itertools import chain
from typing import TYPE_CHECKING

from bridge.errors import BridgeError
from bridge.model import DEFAULT_RECORD_BYTES, UnnumberedEnvelope
from bridge.spool.queue.ranges import ENDLESS, Span
from bridge.spool.queue.stream_queue import ROW_BYTES, StreamQueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.model import Record
    from bridge.spool.queue.deferral import Left

LIVE_SECS = 10.0
"""What has waited longer, beside the time that it waits for company, is backlog."""


class LiveFirstQueue(StreamQueue):
    """As `StreamQueue`, newest first. `_backlog`: spans of numbers on disk, [first, before), not handed out yet."""

    newest_first = True

    def __init__(self, stream: str, number: int, *, first: int, next_number: int, **options: object) -> None:
        super().__init__(stream, number, first=first, next_number=next_number, **options)  # type: ignore[arg-type]  # as they are
        self._backlog = deque([[first, next_number]] if first < next_number else [])
        self._passed: list[list[int]] = []
        self.clock: Callable[[], float] = time.monotonic
        self._moments: deque[tuple[int, float]] = deque()
        """(number, when): records of the window up to that number were put on disk then, or earlier."""
        self._linger_secs = 0.0

    def committed(self, received_at: float | None = None) -> None:
        """As `StreamQueue`."""
        size = self.pending_bytes + ROW_BYTES * len(self.pending)
        records = self.take_pending()
        with self._changed:
            self._tail = records[-1].number + 1
            self._note_commit(records, received_at)
            self._fresh.extend(records)
            self._fresh_bytes += size
            self._moments.append((records[-1].number, self.clock()))
            while self._fresh_bytes > self._fresh_limit:
                self._leave_to_disk(self._fresh.popleft())
            self._retire()
            self._mark(records[0].number)
            self._wake_collector()

    def collect(self, max_records: int, max_bytes: int, linger_secs: float, timeout_secs: float) -> list[Record]:
        """As `StreamQueue`."""
        self._linger_secs = linger_secs
        return super().collect(max_records, max_bytes, linger_secs, timeout_secs)

    def _retire(self) -> None:
        """What has waited for long is not live any more."""
        live_since = self.clock() - LIVE_SECS - self._linger_secs
        while self._moments and self._moments[0][1] < live_since:
            last, _ = self._moments.popleft()
            while self._fresh and self._fresh[0].number <= last:
                self._leave_to_disk(self._fresh.popleft())

    def _leave_to_disk(self, record: Record) -> None:
        self._fresh_bytes -= len(record.data) + ROW_BYTES
        if self._backlog and self._backlog[-1][1] == record.number:
            self._backlog[-1][1] += 1
        else:
            self._backlog.append([record.number, record.number + 1])

    def _drop_unsent(self, limit: int) -> tuple[int, int] | None:
        oldest = self._first_unsent()
        if oldest >= min(limit, self._tail):
            return None
        if self._page and self._page[0].number == oldest:
            span = self._pass_over(self._page, limit)
        elif self._backlog and self._backlog[0][0] == oldest:
            span = [oldest, min(limit, self._backlog[0][1])]
            self._backlog[0][0] = span[1]
            if span[1] == self._backlog[0][1]:
                self._backlog.popleft()
        else:
            span = self._pass_over(self._fresh, limit)
        self._passed.append(span)
        return span[0], span[1] - 1

    def _pass_over(self, records: deque[Record], limit: int) -> list[int]:
        first = records[0].number
        while records and records[0].number < limit:
            last = records.popleft()
            if records is self._fresh:
                self._fresh_bytes -= len(last.data) + ROW_BYTES
        return [first, last.number + 1]

    def dropped(self) -> None:
        """As `StreamQueue`."""
        self._passed.clear()
        super().dropped()

    def rewind(self) -> None:
        """As `StreamQueue`: every span that was passed over since the last transaction is there again."""
        with self._changed:
            self._rewind_left()
            self._dropping = False
            self._backlog.extendleft(reversed(self._passed))
            self._passed.clear()
            self._changed.notify_all()

    def _first_unsent(self) -> int:
        firsts = [span[0] for span in self._backlog]
        firsts += [records[0].number for records in (self._page, self._fresh) if records]
        return min(firsts, default=self._tail)

    def _kept_back(self) -> list[Span]:
        spans = [(first, before) for first, before in chain(self._backlog, self._passed)]
        if self._page:
            spans.append((self._page[0].number, self._page[-1].number + 1))
        return [*sorted(spans), (self._fresh[0].number if self._fresh else self._tail, ENDLESS)]

    def _again(self, left: Left, records: list[Record]) -> list[Record]:
        """What newer ones have overtaken is late."""
        found = [self._late(record) if record.number < left.overtaken else record for record in records]
        if records:
            left.overtaken = max(left.overtaken, records[-1].number + 1)
        return found

    def _waiting(self) -> int:
        return len(self._page) + len(self._fresh) + sum(before - first for first, before in self._backlog)

    def _take(self, max_records: int, max_bytes: int) -> list[Record]:
        taken: list[Record] = []
        size, full = 0, False
        while not full:
            with self._changed:
                if self._dropping:
                    break
                self._retire()
                for source in (self._fresh, self._page):
                    size, full = self._move(source, taken, size, (max_records, max_bytes))
                    if full:
                        break
                first, before = self._backlog[0] if self._backlog else (0, 0)
            if full or first >= before or not self._read_page(first, before, taken):
                break
        return taken

    def _move(self, source: deque[Record], taken: list[Record], size: int, most: tuple[int, int]) -> tuple[int, bool]:
        """Move records to `taken`; the bytes taken in all, and whether that is all there is room for."""
        while source:
            record = source[0]
            size += len(record.data) + len(record.key.encode())
            if len(taken) >= most[0] or (size > most[1] and taken):
                return size, True
            source.popleft()
            if source is self._fresh:
                self._fresh_bytes -= len(record.data) + ROW_BYTES
            taken.append(record)
        return size, False

    def _read_page(self, first: int, before: int, taken: list[Record]) -> bool:
        """A page of the backlog to memory. What was taken must reach the sender, whatever the disk says."""
        try:
            page = self._read(self.number, first, before)
        except BridgeError:
            if not taken:
                raise
            return False
        with self._changed:
            if not self._backlog or self._backlog[0][0] != first:
                return True  # dropped meanwhile
            self._page.extend(map(self._late, page))
            for left in self.left if page else ():
                left.overtaken = max(left.overtaken, page[-1].number + 1)  # what of this is left is late as well
            self._backlog[0][0] = page[-1].number + 1 if page else before
            if self._backlog[0][0] >= self._backlog[0][1]:
                self._backlog.popleft()
        return True

    def _late(self, record: Record) -> Record:
        """With the mark in its envelope, if it has one; a record that the mark would make too large goes without."""
        data = UnnumberedEnvelope.late(record.data, self.spool_id, self.number, record.number)
        fits = len(data) + len(record.key.encode()) <= (self.max_record_bytes or DEFAULT_RECORD_BYTES)
        return record._replace(data=data) if fits else record
