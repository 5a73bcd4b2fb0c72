"""Deferral: records of busy partition keys stay on disk for a while, so that they do not delay other keys.

A sender defers the keys of a shard whose waiting records would fill the sender's memory
(bridge/delivery/shard_deferral.py). The queue hands out records to senders in the order of their numbers; deferred
records are skipped and handed out later. Deferred records use no memory. Only spans are in memory: ranges of numbers in
which all records of these keys are deferred. A span also contains records of other keys, which the queue hands out as
usual.

Invariant: a record on disk is deferred, and was not handed out, if all of these conditions are true:

1. Its key belongs to the deferral.
2. Its number is in one of the spans.
3. The queue has passed its number: the queue's next record to hand out has a higher number.

All other records with passed numbers were handed out already, and `read_deferred` skips them.

An ordered queue reads the oldest deferred records first, so its deferral has one span. A `live_first` queue reads the
newest deferred records first. The numbers of each page that it has read are removed from the spans, so a gap may
separate older numbers from newer ones. With more than MAX_SPANS spans, two spans are joined if no record of these keys
is on disk in the gap between them.
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
"""Number of spans above which gaps between spans are checked, and closed if possible.

Reading a page adds at most one gap, and checks several gaps. So the number of spans does not grow far above this limit.
"""
# Number of gaps that are checked per page. It is small, because each check reads the disk.
_GAPS_TRIED = 4


class PageReader(Protocol):
    """The function that reads a queue's records from disk: `SpoolReader.page`.

    The function may block on the disk. The sender's thread calls it without the queue's lock. The ingest thread calls
    it with the lock, to drop records.
    """

    def __call__(self, stream: int, first: int, before: int, *, newest: bool = False) -> list[Record]:
        """Return at most one page of records with first ≤ number < before, in order.

        The page contains the oldest records of the range or, if `newest` is true, the newest.

        Raises SpoolCorrupt or SpoolWriteError.
        """


class Deferral:
    """Deferred records of some partition keys: all records in `spans` for whose key `holds` returns True.

    `done` is True once no deferred record remains.

    The last span has no end, so that new records of these keys are deferred too. Records with numbers below `overtaken`
    are late: newer records were handed out before them.
    """

    def __init__(self, holds: Callable[[str], bool], spans: tuple[Span, ...], overtaken: int) -> None:
        self.holds = holds
        self.spans = spans
        self.overtaken = overtaken
        self.done = False
        # Number of gap checks so far. It lets the checks cycle through all gaps.
        self.tried = 0


class DeferringQueue(ABC):
    """The part of a queue that defers records. `_changed`, the queue's lock, guards its attributes.

    The sender's thread collects records from the queue. It must skip deferred records itself (see `defer`).
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
        # For each deferral, its spans before the open transaction dropped records. `rewind` restores them.
        self._spans_before_drop: dict[Deferral, tuple[Span, ...]] = {}

    @property
    def live_bytes(self) -> int:
        """Bytes of the records that are sent before the backlog.

        0, because this queue sends the oldest records first.
        """
        return 0

    @abstractmethod
    def _first_unsent(self) -> int:
        """Return the lowest number that the queue has not handed out."""

    @abstractmethod
    def _not_handed_out(self) -> list[Span]:
        """Return the spans that the queue has not handed out, in order.

        The spans include records that the open transaction has dropped, because `rewind` may return them to the queue.
        """

    @abstractmethod
    def _drop_unsent(self, limit: int) -> tuple[int, int] | None:
        """Skip some of the oldest records with numbers below `limit` that were not handed out.

        Return the first and last skipped number, or None if there are none.
        """

    def defer(self, holds: Callable[[str], bool]) -> Deferral:
        """Defer records for whose key `holds` returns true, from the next record that would be handed out.

        From now on, the sender's thread must skip records of these keys when it collects. No thread may collect during
        this call.
        """
        with self._changed:
            # The last span begins at the first number that was never handed out. So records before the last span are
            # late.
            spans = tuple(self._not_handed_out())
            deferral = Deferral(holds, spans, overtaken=spans[-1][0])
            self.deferrals.append(deferral)
        return deferral

    def divide(self, deferral: Deferral, parts: Sequence[Callable[[str], bool]]) -> list[Deferral]:
        """Replace a deferral by several deferrals that together defer the same keys. Return the new deferrals.

        Return [] and change nothing while the queue is dropping records.
        """
        with self._changed:
            # The transaction that drops records has stored this deferral's spans. After a division, `rewind` would not
            # find the deferral, and could not restore the spans.
            if self._dropping:
                return []
            made = [Deferral(holds, deferral.spans, deferral.overtaken) for holds in parts]
            self.deferrals = [*(each for each in self.deferrals if each is not deferral), *made]
        return made

    def read_deferred(self, deferral: Deferral) -> list[Record]:
        """Return the next page of deferred records. These records then count as handed out.

        `deferral.done` becomes True when no deferred record remains.

        Return [] while the queue is dropping records, or after `close`. No thread may collect during this call. Raises
        BridgeError if the disk cannot be read.
        """
        with self._changed:
            if self._dropping or self._closed:
                return []
            spans, passed = deferral.spans, self._deferred_spans(deferral)
        page: list[Record] = []
        if passed:
            first, before = passed[-1 if self.newest_first else 0]
            # Read without the lock, because reading may block on the disk.
            page = self._read(self.number, first, before, newest=self.newest_first)
            kept = self._with_gaps_closed(deferral, first)
        with self._changed:
            # Spans are replaced and never changed in place. So a different object shows that another thread changed
            # them during the read.
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
        # Keep only the deferred records. The others in the page were handed out before.
        return self._mark_late(deferral, [record for record in page if deferral.holds(record.key)])

    def drop_oldest(self, count: int) -> tuple[int, int] | None:
        """Skip up to `count` record numbers, beginning with the oldest record that no sender has taken.

        Return the first and the last skipped number. The caller then deletes their rows.

        Return None if there is no such record. From this call until `dropped` or `rewind`, the queue hands out nothing:
        `rewind` would hand out the same records a second time.
        """
        with self._changed:
            self._dropping = True
            limit = self._oldest_unsent() + count
            span = self._drop_deferred(limit)
            return span or self._drop_unsent(limit)

    def _deferred_spans(self, *some: Deferral) -> list[Span]:
        """Return the parts of these deferrals' spans that the queue has passed."""
        return (
            minus(merged(chain.from_iterable(deferral.spans for deferral in some)), self._not_handed_out())
            if some
            else []
        )

    def _deferred_count(self) -> int:
        """Return an upper bound of the number of deferred records: the number of passed numbers in the spans."""
        return numbers_in(self._deferred_spans(*self.deferrals))

    def _oldest_unsent(self) -> int:
        """Return the lowest number whose record may be unsent, and not taken by a sender."""
        return min([self._first_unsent(), *(first for first, _ in self._deferred_spans(*self.deferrals)[:1])])

    def _mark_late(self, deferral: Deferral, records: list[Record]) -> list[Record]:
        """Return deferred records that are about to be handed out.

        A subclass may mark them as late; this method does not.
        """
        del deferral
        return records

    def _with_gaps_closed(self, deferral: Deferral, number: int) -> list[Span]:
        """Return the spans of a deferral.

        Above MAX_SPANS, join neighbouring spans without a record on disk between them.

        Only gaps before the span that contains `number` are checked. This span is being read and must not become
        longer: `read_deferred` would then read the same records repeatedly.
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

        Return the first and last skipped number.

        No sender has a record between these numbers. The queue hands out nothing during this call. Return None if no
        record is deferred, or if the queue has older unsent records.
        """
        while oldest := self._oldest_deferral():
            deferral, (first, before) = oldest
            if first >= min(limit, self._first_unsent()):
                break
            # This read blocks other threads, because the caller holds the lock. That is acceptable, because it happens
            # only if the spool is full or records expire.
            page = self._read(self.number, first, before)
            span = _run(page, deferral.holds, limit)
            if span is None:
                until = page[-1].number + 1 if page else before
            else:
                until = span[1] + 1 if span[0] < limit else span[0]
            # `setdefault`: a transaction may drop records several times, and `rewind` must restore the spans from
            # before the first drop.
            self._spans_before_drop.setdefault(deferral, deferral.spans)
            deferral.spans = tuple(minus(deferral.spans, [(first, until)]))
            if span and span[0] < limit:
                return span
        return None

    def _oldest_deferral(self) -> tuple[Deferral, Span] | None:
        """Return the deferral with the oldest deferred record, and its first passed span.

        Return None without deferred records.
        """
        found = [(deferral, spans[0]) for deferral in self.deferrals if (spans := self._deferred_spans(deferral))]
        return min(found, key=lambda each: each[1], default=None)

    def _rewind_deferrals(self) -> None:
        """Restore the spans that the failed transaction changed."""
        for deferral, spans in self._spans_before_drop.items():
            deferral.spans = spans
        self._spans_before_drop.clear()


def _run(page: Sequence[Record], holds: Callable[[str], bool], before: int) -> tuple[int, int] | None:
    """Return the first and last number of the page's first run of records with these keys.

    Return None if there is no such record.

    A run ends before a record with another key, or at the number `before`.
    """
    first = last = 0
    for record in page:
        if first and (record.number >= before or not holds(record.key)):
            break
        if holds(record.key):
            first, last = first or record.number, record.number
    return (first, last) if first else None
