"""Deferral: records of busy partition keys stay on disk for a while, so that they do not delay other keys.

If the records of one shard would fill the sender's memory, the sender defers the keys of this shard
(bridge/delivery/shard_deferral.py). The sender continues to take records from the queue with `take_batch`, and skips
the records of deferred keys. Later, the sender reads the deferred records with `read_deferred`.

Deferred records use no memory. Only spans are in memory. A span is a range of record numbers. All records of the
deferred keys in this range are deferred. Records of other keys in the same range are not deferred.

The queue has passed a number when `take_batch` has returned the record with this number. `read_deferred` returns a
record if all of these conditions are true:

1. The key of the record is deferred.
2. The number of the record is in one of the spans.
3. The queue has passed this number.

All other records with passed numbers were already handed out.

An ordered queue reads the oldest deferred records first, so its deferral has one span. A `live_first` queue reads the
newest deferred records first, in pages. The numbers of each page are removed from the spans, which leaves gaps between
spans. When there are more than MAX_SPANS spans, gaps without deferred records on disk are closed: the two spans beside
the gap are joined.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import chain
from typing import TYPE_CHECKING, Protocol

from bridge.spool.queue.ranges import Span, merged, minus, numbers_in

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from bridge.model import Record

MAX_SPANS = 64
"""Number of spans above which neighbouring spans are joined if possible.

Reading a page adds at most one gap, and checks several gaps. So the number of spans does not grow far above this limit.
"""
# Number of gaps that are checked when a page is read. It is small, because each check reads the disk.
_GAPS_TRIED = 4


class PageReader(Protocol):
    """The function that reads a queue's records from disk: `SpoolReader.page`.

    The function may block on the disk. The sender's thread calls the function without the queue's lock. The ingest
    thread calls it with the lock, to drop records.
    """

    def __call__(self, stream: int, first: int, before: int, *, newest: bool = False) -> list[Record]:
        """Return at most one page of records with first ≤ number < before, in order.

        The page contains the oldest records of this range. If `newest` is true, it contains the newest records of this
        range. Raises SpoolCorrupt or SpoolWriteError.
        """


class Deferral:
    """Deferred records of some partition keys. `holds(key)` returns whether a key is deferred.

    The last one of `spans` has no end, so that new records of these keys are deferred too. Records with numbers below
    `overtaken` are late: newer records were handed out before them. `done` is True when no deferred record remains.
    """

    def __init__(self, holds: Callable[[str], bool], spans: tuple[Span, ...], overtaken: int) -> None:
        self.holds = holds
        self.spans = spans
        self.overtaken = overtaken
        self.done = False
        # Number of checked gaps so far. It determines which gap is checked next.
        self.tried = 0


class DeferringQueue(ABC):
    """The part of a queue that defers records. `_changed` is the lock for the attributes of the queue.

    The sender's thread collects records from the queue with `take_batch`. This method also returns records of deferred
    keys, which the sender must skip.
    """

    number: int
    newest_first = False
    """True if the newest deferred records are read first."""
    _read: PageReader
    _changed: threading.Lock
    _dropping: bool
    _closed: bool

    def __init__(self) -> None:
        self.deferrals: list[Deferral] = []
        # Spans of each deferral before the open transaction dropped records. `rewind` restores these spans.
        self._spans_before_drop: dict[Deferral, tuple[Span, ...]] = {}

    @property
    def live_bytes(self) -> int:
        """Bytes of the records that are sent before the backlog. 0 in a queue that sends the oldest records first."""
        return 0

    @abstractmethod
    def _first_unsent(self) -> int:
        """Return the lowest record number that `take_batch` may still return, or else the number of the next record."""

    @abstractmethod
    def _not_handed_out(self) -> list[Span]:
        """Return the spans of record numbers that the queue has not handed out, in order.

        The spans include the records that the open transaction has dropped, because `rewind` may return these records
        to the queue.
        """

    @abstractmethod
    def _drop_unsent(self, limit: int) -> tuple[int, int] | None:
        """Skip some of the oldest records that were not handed out, with numbers below `limit`.

        Return the first and the last skipped number, or None if no record was skipped.
        """

    def defer(self, holds: Callable[[str], bool]) -> Deferral:
        """Defer all records that were not handed out and for whose key `holds` returns true.

        From now on, the sender's thread must skip records of these keys. No thread may collect records during this
        call.
        """
        with self._changed:
            # Records with numbers between two spans were already handed out. So all records before the last span are
            # late.
            spans = tuple(self._not_handed_out())
            deferral = Deferral(holds, spans, overtaken=spans[-1][0])
            self.deferrals.append(deferral)
        return deferral

    def divide(self, deferral: Deferral, parts: Sequence[Callable[[str], bool]]) -> list[Deferral]:
        """Replace a deferral by several deferrals that together defer the same keys. Return the new deferrals.

        While the queue is dropping records, change nothing and return [].
        """
        with self._changed:
            # If the open transaction has dropped records of this deferral, `rewind` restores the spans of this object.
            # So the object must not be replaced before the transaction ends.
            if self._dropping:
                return []
            made = [Deferral(holds, deferral.spans, deferral.overtaken) for holds in parts]
            self.deferrals = [*(each for each in self.deferrals if each is not deferral), *made]
        return made

    def read_deferred(self, deferral: Deferral) -> list[Record]:
        """Return the next page of deferred records. These records then count as handed out.

        `deferral.done` becomes True when no deferred record remains. Return [] while the queue is dropping records, or
        after `close`. No thread may collect records during this call. Raises BridgeError if the disk cannot be read.
        """
        with self._changed:
            if self._dropping or self._closed:
                return []
            spans, passed = deferral.spans, self._deferred_spans(deferral)
        page: list[Record] = []
        if passed:
            first, before = passed[-1 if self.newest_first else 0]
            # Read without the lock, because a slow disk would block all threads that need the lock.
            page = self._read(self.number, first, before, newest=self.newest_first)
            kept = self._with_gaps_closed(deferral, first)
        with self._changed:
            # Changed spans are always a new tuple. So a different tuple shows that another thread has changed the spans
            # during the read.
            if self._dropping or deferral.spans is not spans:
                return []  # the queue dropped records during the read
            if passed:
                if page and self.newest_first:
                    first = page[0].number
                elif page:
                    before = page[-1].number + 1
                deferral.spans = tuple(minus(kept, [(first, before)]))
            if not self._deferred_spans(deferral):
                deferral.done = True
                self.deferrals.remove(deferral)
        # Return only the records of deferred keys. The other records of the page were already handed out.
        return self._mark_late(deferral, [record for record in page if deferral.holds(record.key)])

    def drop_oldest(self, count: int) -> tuple[int, int] | None:
        """Skip up to `count` record numbers, beginning with the oldest record that no sender has taken.

        Return the first and the last skipped number, or None if no such record exists. The caller then deletes the rows
        from the first to the last number. From this call until `dropped` or `rewind`, the queue hands out nothing.
        Otherwise, `rewind` could hand out records a second time.
        """
        with self._changed:
            self._dropping = True
            limit = self._oldest_unsent() + count
            span = self._drop_deferred(limit)
            return span or self._drop_unsent(limit)

    def _deferred_spans(self, *some: Deferral) -> list[Span]:
        """Return the parts of the spans of these deferrals that the queue has passed."""
        return (
            minus(merged(chain.from_iterable(deferral.spans for deferral in some)), self._not_handed_out())
            if some
            else []
        )

    def _deferred_count(self) -> int:
        """Return the number of passed numbers in the spans. There are at most this many deferred records."""
        return numbers_in(self._deferred_spans(*self.deferrals))

    def _oldest_unsent(self) -> int:
        """Return a record number. All records with lower numbers were taken by a sender, or dropped."""
        return min([self._first_unsent(), *(first for first, _ in self._deferred_spans(*self.deferrals)[:1])])

    def _mark_late(self, deferral: Deferral, records: list[Record]) -> list[Record]:
        """Return deferred records that are about to be handed out. A subclass may mark records as late."""
        del deferral
        return records

    def _with_gaps_closed(self, deferral: Deferral, number: int) -> list[Span]:
        """Return the spans of a deferral. If there are more than MAX_SPANS, first join neighbouring spans.

        Two spans are joined if the gap between them contains no deferred record on disk. `number` is in the span that
        `read_deferred` is reading. Only gaps before this span are checked, because the span must not become longer.
        Otherwise, `read_deferred` would read the same records repeatedly.
        """
        spans = list(deferral.spans)
        for _ in range(_GAPS_TRIED):
            gaps = sum([first <= number for first, _ in spans]) - 1
            if len(spans) <= MAX_SPANS or not gaps:
                break
            deferral.tried += 1
            index = deferral.tried % gaps
            (first, until), (since, before) = spans[index : index + 2]
            if not self._on_disk(deferral, until, since):
                spans[index : index + 2] = [(first, before)]
        return spans

    def _on_disk(self, deferral: Deferral, first: int, before: int) -> bool:
        """Return whether a record with first ≤ number < before and a key of this deferral is on disk."""
        while page := self._read(self.number, first, before):
            if any(deferral.holds(record.key) for record in page):
                return True
            first = page[-1].number + 1
        return False

    def _drop_deferred(self, limit: int) -> tuple[int, int] | None:
        """Skip some of the oldest deferred records, with numbers below `limit`.

        Return the first and the last skipped number. No sender has a record between these numbers. Return None if no
        record is deferred, or if the queue has older records that no sender has taken.
        """
        while oldest := self._oldest_deferral():
            deferral, (first, before) = oldest
            if first >= min(limit, self._first_unsent()):
                break
            # This read blocks other threads, because the caller holds the lock. This is acceptable, because it only
            # happens if the spool is full or records expire.
            page = self._read(self.number, first, before)
            span = _run(page, deferral.holds, limit)
            if span is None:
                until = page[-1].number + 1 if page else before
            else:
                until = span[1] + 1 if span[0] < limit else span[0]
            # A transaction may drop records several times. `rewind` must restore the spans from before the first time,
            # so `setdefault` does not replace them.
            self._spans_before_drop.setdefault(deferral, deferral.spans)
            deferral.spans = tuple(minus(deferral.spans, [(first, until)]))
            if span and span[0] < limit:
                return span
        return None

    def _oldest_deferral(self) -> tuple[Deferral, Span] | None:
        """Return the deferral with the oldest deferred record, and its first passed span.

        Return None if no record is deferred.
        """
        found = [(deferral, spans[0]) for deferral in self.deferrals if (spans := self._deferred_spans(deferral))]
        return min(found, key=lambda each: each[1], default=None)

    def _rewind_deferrals(self) -> None:
        """Restore the spans that the failed transaction changed."""
        for deferral, spans in self._spans_before_drop.items():
            deferral.spans = spans
        self._spans_before_drop.clear()


def _run(page: Sequence[Record], holds: Callable[[str], bool], before: int) -> tuple[int, int] | None:
    """Return the first and the last number of the page's first run of records of deferred keys.

    A run ends before the first record of another key, and before the number `before`. Return None if the page contains
    no record of a deferred key.
    """
    first = last = 0
    for record in page:
        if first and (record.number >= before or not holds(record.key)):
            break
        if holds(record.key):
            first, last = first or record.number, record.number
    return (first, last) if first else None
