"""Deferral: records of busy keys stay on disk until there is room, so that they do not delay the other keys.

Deferred records use no memory. Only spans are in memory: ranges of numbers in which all records of these keys are
deferred. A span also contains records of other keys, which the queue hands out as usual.

Invariant: a record on disk is deferred, and was not handed out, if all of these are true:

1. Its key belongs to the deferral.
2. Its number is in one of the spans.
3. The queue itself has passed its number.

Every other record in the passed part of the spans was handed out already, and `read_deferred` skips it.

An ordered queue reads the oldest deferred records first, so its deferral has one span. A `live_first` queue reads the
newest first, and each page that it reads leaves a gap between two spans. Two spans are joined once no record of the gap
is on disk any more.
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
"""Number of spans from which gaps are checked and closed.

Each page adds at most one gap and checks several, so the number of spans stays near this one.
"""
# Gaps checked per page. Each check reads the disk, so few of them are made between two batches.
_GAPS_TRIED = 4


class PageReader(Protocol):
    """The function that reads a queue's records from disk: `SpoolReader.page`.

    It may block on the disk. The collecting thread calls it without the queue's lock. The dropping thread calls it with
    the lock.
    """

    def __call__(self, stream: int, first: int, before: int, *, newest: bool = False) -> list[Record]:
        """Return up to a page of records, first ≤ number < before, in order: the oldest, or with `newest` the newest.

        Raises SpoolCorrupt or SpoolWriteError.
        """


class Deferral:
    """The deferred records: those in `spans` for whose partition key `holds` returns True.

    `done` is True once no deferred record remains.

    The last span has no end, so that new records of these keys are deferred too. Records with a number below
    `overtaken` are late, because newer ones were handed out before them.
    """

    def __init__(self, holds: Callable[[str], bool], spans: tuple[Span, ...], overtaken: int) -> None:
        self.holds = holds
        self.spans = spans
        self.overtaken = overtaken
        self.done = False
        # Index of the last gap that was checked, so that the checks cycle through all gaps.
        self.tried = 0


class DeferringQueue(ABC):
    """The part of a queue that defers records. The queue's lock guards it.

    The thread that collects must skip the deferred records itself (see `defer`).
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
        # Spans of each deferral as they were before the open transaction dropped records. `rewind` restores them.
        self._spans_before_drop: dict[Deferral, tuple[Span, ...]] = {}

    @property
    def live_bytes(self) -> int:
        """Bytes of the records that are sent before a backlog: 0, since the oldest are sent first."""
        return 0

    @abstractmethod
    def _first_unsent(self) -> int:
        """Return the lowest number that was not handed out."""

    @abstractmethod
    def _not_handed_out(self) -> list[Span]:
        """Return the spans that the queue has not handed out, in order.

        They include the records that a failed transaction would return to the queue (`rewind`).
        """

    @abstractmethod
    def _drop_unsent(self, limit: int) -> tuple[int, int] | None:
        """Skip some of the oldest records that were not handed out, with numbers below `limit`.

        Return the first and last skipped number, or None if there are none.
        """

    def defer(self, holds: Callable[[str], bool]) -> Deferral:
        """Defer the records for whose key `holds` is true, from the next record that the queue hands out.

        From now on the thread that collects must skip records of these keys. No thread may collect during this call.
        """
        with self._changed:
            # The last span begins at the first number that was never handed out. Newer records overtook all records
            # before it.
            spans = tuple(self._not_handed_out())
            deferral = Deferral(holds, spans, overtaken=spans[-1][0])
            self.deferrals.append(deferral)
        return deferral

    def divide(self, deferral: Deferral, parts: Sequence[Callable[[str], bool]]) -> list[Deferral]:
        """Divide a deferral into several ones, which together defer the same keys, and return them.

        Return [] and change nothing while the queue is dropping records.
        """
        with self._changed:
            # A drop has stored the spans of each deferral for `rewind`. A division now would lose them.
            if self._dropping:
                return []
            made = [Deferral(holds, deferral.spans, deferral.overtaken) for holds in parts]
            self.deferrals = [*(each for each in self.deferrals if each is not deferral), *made]
        return made

    def read_deferred(self, deferral: Deferral) -> list[Record]:
        """Return the next page of deferred records; they count as handed out.

        `deferral.done` becomes True with the last of them.

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
            # This runs without the lock, because reading may block on the disk.
            page = self._read(self.number, first, before, newest=self.newest_first)
            kept = self._with_gaps_closed(deferral, first)
        with self._changed:
            # Spans are replaced, never changed in place, so their identity shows whether they changed during the read.
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
        # The page also contains records of other keys, which were handed out before.
        return self._mark_late(deferral, [record for record in page if deferral.holds(record.key)])

    def drop_oldest(self, count: int) -> tuple[int, int] | None:
        """Skip up to `count` numbers whose records no sender holds.

        Return the first and the last skipped number, so that the caller deletes their rows.

        Return None if senders hold all of the `count` lowest numbers. The queue hands out nothing until `dropped` or
        `rewind` is called: `rewind` would hand out such records a second time.
        """
        with self._changed:
            self._dropping = True
            limit = self._oldest_unsent() + count
            span = self._drop_deferred(limit)
            return span or self._drop_unsent(limit)

    def _deferred_spans(self, *some: Deferral) -> list[Span]:
        """Return the spans of these deferrals that the queue has passed."""
        return (
            minus(merged(chain.from_iterable(deferral.spans for deferral in some)), self._not_handed_out())
            if some
            else []
        )

    def _deferred_count(self) -> int:
        """Return how many passed numbers are in spans. It is an upper bound for the number of deferred records."""
        return numbers_in(self._deferred_spans(*self.deferrals))

    def _oldest_unsent(self) -> int:
        """Return the lowest number that may belong to an unsent record that no sender has."""
        return min([self._first_unsent(), *(first for first, _ in self._deferred_spans(*self.deferrals)[:1])])

    def _mark_late(self, deferral: Deferral, records: list[Record]) -> list[Record]:
        """Return deferred records unchanged. A subclass may mark them as late."""
        del deferral
        return records

    def _with_gaps_closed(self, deferral: Deferral, number: int) -> list[Span]:
        """Return the spans of a deferral. If there are many, join neighbours with no record on disk between them.

        Only gaps before the span that contains `number` are checked. That span is being read. If it grew,
        `read_deferred` would read the same records repeatedly.
        """
        spans = list(deferral.spans)
        for _ in range(_GAPS_TRIED):
            gaps = sum([first <= number for first, _ in spans]) - 1
            if len(spans) <= MAX_SPANS or not gaps:
                break
            deferral.tried += 1
            place = deferral.tried % gaps
            (first, until), (since, before) = spans[place : place + 2]
            if not self._on_disk(deferral, until, since):
                spans[place : place + 2] = [(first, before)]
        return spans

    def _on_disk(self, deferral: Deferral, first: int, before: int) -> bool:
        """Return whether records of this deferral's keys are on disk, first ≤ number < before."""
        while page := self._read(self.number, first, before):
            if any(deferral.holds(record.key) for record in page):
                return True
            first = page[-1].number + 1
        return False

    def _drop_deferred(self, limit: int) -> tuple[int, int] | None:
        """Skip some of the oldest deferred records, with numbers below `limit`.

        Return the first and last number.

        No sender holds a record between them, and the queue hands out nothing during this call. Return None if no
        record is deferred, or if the queue has older unsent records.
        """
        while oldest := self._oldest_deferral():
            deferral, (first, before) = oldest
            if first >= min(limit, self._first_unsent()):
                break
            # The lock is held during this read, which is acceptable because it happens only if the spool is full or
            # records expire.
            page = self._read(self.number, first, before)
            span = _run(page, deferral.holds, limit)
            if span is None:
                until = page[-1].number + 1 if page else before
            else:
                until = span[1] + 1 if span[0] < limit else span[0]
            # A transaction may drop records several times. `rewind` must restore the spans from before the first drop.
            self._spans_before_drop.setdefault(deferral, deferral.spans)
            deferral.spans = tuple(minus(deferral.spans, [(first, until)]))
            if span and span[0] < limit:
                return span
        return None

    def _oldest_deferral(self) -> tuple[Deferral, Span] | None:
        """Return the deferral with the oldest deferred record, and its first span, or None."""
        found = [(deferral, spans[0]) for deferral in self.deferrals if (spans := self._deferred_spans(deferral))]
        return min(found, key=lambda each: each[1], default=None)

    def _rewind_deferrals(self) -> None:
        """Restore the spans from before the drops of the failed transaction."""
        for deferral, spans in self._spans_before_drop.items():
            deferral.spans = spans
        self._spans_before_drop.clear()


def _run(page: Sequence[Record], holds: Callable[[str], bool], before: int) -> tuple[int, int] | None:
    """Return the first and last number of the page's first run of records of these keys, or None if there are none.

    A run ends before a record of another key, or at `before`.
    """
    first = last = 0
    for record in page:
        if first and (record.number >= before or not holds(record.key)):
            break
        if holds(record.key):
            first, last = first or record.number, record.number
    return (first, last) if first else None
