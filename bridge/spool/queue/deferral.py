"""Records that stay on disk until there is room: those of keys that bring more than can be sent, for the others' sake.

They take no memory, however many they are: known is only in which spans of numbers all records of those keys are left.
Those that the queue has handed out meanwhile, of any key, are read again when there is room for them.

So: a record that is on disk, and belongs to what is left, and has a number in one of the spans, was not handed out,
where the queue itself has not kept it back. All others of these numbers were handed out, and are passed over.

An ordered queue reads the oldest again, and so has one span. One that hands out the newest first (`live_first`) reads
the newest again: what it reads so is a gap between spans, which is closed when no record of it is on disk any more.
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

MOST_SPANS = 64
"""With more of them, gaps are looked at whether they can be closed: some with each page, so they stay about so many."""
_GAPS_TRIED = 4


class Read(Protocol):
    """What reads the disk."""

    def __call__(self, stream: int, first: int, before: int, *, newest: bool = False) -> list[Record]:
        """Up to a page of records, first ≤ number < before, in order: the oldest of them, or the newest."""


class Left:
    """Records of the partition keys for which `holds` is true, in `spans`; `done` when none is left.

    The last span is endless. `overtaken`: newer ones than all of a lower number than that were handed out.
    """

    def __init__(self, holds: Callable[[str], bool], spans: tuple[Span, ...], overtaken: int) -> None:
        self.holds = holds
        self.spans = spans
        self.overtaken = overtaken
        self.done = False
        self.tried = 0


class Leaving(ABC):
    """The part of a queue that leaves records. Its lock guards it; who hands out must sift, see `leave`."""

    number: int
    newest_first = False
    """What of the records that are left is read again before others."""
    _read: Read
    _changed: threading.Condition
    _dropping: bool
    _closed: bool

    def __init__(self) -> None:
        self.left: list[Left] = []
        self._left_dropped: dict[Left, tuple[Span, ...]] = {}
        """What is dropped from in the transaction under way: its spans before that."""

    @abstractmethod
    def _first_unsent(self) -> int:
        """The lowest number that was not handed out."""

    @abstractmethod
    def _kept_back(self) -> list[Span]:
        """What the queue has not handed out, in order: also what it would again, if what it dropped were restored."""

    @abstractmethod
    def _drop_unsent(self, limit: int) -> tuple[int, int] | None:
        """Pass over some of the oldest that were not handed out, of numbers below `limit`: first and last."""

    def leave(self, holds: Callable[[str], bool]) -> Left:
        """From the next record on, those of these keys are left: whoever collects must pass over them.

        No one may collect meanwhile.
        """
        with self._changed:
            spans = tuple(self._kept_back())
            left = Left(holds, spans, overtaken=spans[-1][0])
            self.left.append(left)
        return left

    def divide(self, left: Left, parts: Sequence[Callable[[str], bool]]) -> list[Left]:
        """In the place of one, several that have its keys between them; none while it is being dropped from."""
        with self._changed:
            if self._dropping:
                return []
            made = [Left(holds, left.spans, left.overtaken) for holds in parts]
            self.left = [*(each for each in self.left if each is not left), *made]
        return made

    def reread(self, left: Left) -> list[Record]:
        """The next page of what was left, handed out now. With the last of them it is `done`, and no more is left.

        No one may collect meanwhile. Raises as `collect` does.
        """
        with self._changed:
            if self._dropping or self._closed:
                return []
            spans, passed = left.spans, self._passed_over(left)
        page: list[Record] = []
        if passed:
            first, before = passed[-1 if self.newest_first else 0]
            page = self._read(self.number, first, before, newest=self.newest_first)
            kept = self._with_gaps_closed(left, first)
        with self._changed:
            if self._dropping or left.spans is not spans:
                return []  # dropped meanwhile
            if passed:
                if page and self.newest_first:
                    first = page[0].number
                elif page:
                    before = page[-1].number + 1
                left.spans = tuple(minus(kept, [(first, before)]))
            if not self._passed_over(left):
                left.done = True
                self.left.remove(left)
        return self._again(left, [record for record in page if left.holds(record.key)])

    def drop_oldest(self, count: int) -> tuple[int, int] | None:
        """Pass over up to `count` records that no sender holds; their numbers, first and last, for deletion.

        None where there are none among the `count` lowest numbers. Until `dropped` or `rewind` nothing is handed out:
        a rewind would hand it out again.
        """
        with self._changed:
            self._dropping = True
            limit = self._oldest_unsent() + count
            span = self._drop_left(limit)
            return span or self._drop_unsent(limit)

    def _passed_over(self, *some: Left) -> list[Span]:
        """The numbers of these that the queue has handed out, but for what was left."""
        return minus(merged(chain.from_iterable(left.spans for left in some)), self._kept_back()) if some else []

    def _passed_over_count(self) -> int:
        return numbers_in(self._passed_over(*self.left))

    def _oldest_unsent(self) -> int:
        """The number from which on something may be unsent that no sender holds."""
        return min([self._first_unsent(), *(first for first, _ in self._passed_over(*self.left)[:1])])

    def _again(self, left: Left, records: list[Record]) -> list[Record]:
        """What was left, as it is handed out now."""
        del left
        return records

    def _with_gaps_closed(self, left: Left, number: int) -> list[Span]:
        """Its spans, fewer if they are many: two become one where nothing between them is on disk any more.

        Only before the one that `number` is in, which is being read: what was just read would be read again for ever.
        """
        spans = list(left.spans)
        for _ in range(_GAPS_TRIED):
            gaps = sum([first <= number for first, _ in spans]) - 1
            if len(spans) <= MOST_SPANS or not gaps:
                break
            left.tried += 1
            place = left.tried % gaps
            (first, until), (since, before) = spans[place : place + 2]
            if not self._on_disk(left, until, since):
                spans[place : place + 2] = [(first, before)]
        return spans

    def _on_disk(self, left: Left, first: int, before: int) -> bool:
        """Whether records of its keys are there, of these numbers."""
        while page := self._read(self.number, first, before):
            if any(left.holds(record.key) for record in page):
                return True
            first = page[-1].number + 1
        return False

    def _drop_left(self, limit: int) -> tuple[int, int] | None:
        """Pass over some of the oldest that are left, of numbers below `limit`: a span in which a sender holds none.

        The queue hands out nothing meanwhile. None where older ones were not handed out, or none is left.
        """
        while oldest := self._oldest_left():
            left, (first, before) = oldest
            if first >= min(limit, self._first_unsent()):
                break
            page = self._read(self.number, first, before)
            span = _run(page, left.holds, limit)
            if span is None:
                until = page[-1].number + 1 if page else before
            else:
                until = span[1] + 1 if span[0] < limit else span[0]
            self._left_dropped.setdefault(left, left.spans)
            left.spans = tuple(minus(left.spans, [(first, until)]))
            if span and span[0] < limit:
                return span
        return None

    def _oldest_left(self) -> tuple[Left, Span] | None:
        found = [(left, spans[0]) for left in self.left if (spans := self._passed_over(left))]
        return min(found, key=lambda each: each[1], default=None)

    def _rewind_left(self) -> None:
        """What was dropped since the last transaction is left again."""
        for left, spans in self._left_dropped.items():
            left.spans = spans
        self._left_dropped.clear()


def _run(page: Sequence[Record], holds: Callable[[str], bool], before: int) -> tuple[int, int] | None:
    """First and last number of the first run of records of these keys, ended at `before`; None if there are none."""
    first = last = 0
    for record in page:
        if first and (record.number >= before or not holds(record.key)):
            break
        if holds(record.key):
            first, last = first or record.number, record.number
    return (first, last) if first else None
