"""Records that are left on disk for now: those of keys that bring more than can be sent, for the sake of the others.

They take no memory, however many they are: known is only from which number on all records of those keys are left, up to
the last that was handed out of any key. A cursor of their own reads them again when there is room for them.

So: a record that is on disk, and belongs to what is left, and has a number from `first` up to the last handed out, was
not handed out. All others of these numbers were, and are passed over.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from bridge.model import Record


class Left:
    """Records of the partition keys for which `holds` is true, from number `first` on; `done` when none is left."""

    def __init__(self, holds: Callable[[str], bool], first: int) -> None:
        self.holds = holds
        self.first = first
        self.done = False


class Leaving(ABC):
    """The part of a queue that leaves records. Its lock guards it; who hands out must sift, see `leave`."""

    number: int
    _read: Callable[[int, int, int], list[Record]]
    _changed: threading.Condition
    _dropping: bool
    _closed: bool

    def __init__(self) -> None:
        self.left: list[Left] = []
        self._left_dropped: list[tuple[Left, int]] = []

    @abstractmethod
    def _first_unsent(self) -> int:
        """The number from which on nothing was handed out."""

    def leave(self, holds: Callable[[str], bool]) -> Left:
        """From the next record on, those of these keys are left: whoever collects must pass over them.

        No one may collect meanwhile.
        """
        with self._changed:
            left = Left(holds, self._first_unsent())
            self.left.append(left)
        return left

    def divide(self, left: Left, parts: Sequence[Callable[[str], bool]]) -> list[Left]:
        """In the place of one, several that have its keys between them; none while it is being dropped from."""
        with self._changed:
            if self._dropping:
                return []
            made = [Left(holds, left.first) for holds in parts]
            self.left = [*(each for each in self.left if each is not left), *made]
        return made

    def reread(self, left: Left) -> list[Record]:
        """The next page of what was left, handed out now. With the last of them it is `done`, and no more is left.

        No one may collect meanwhile. Raises as `collect` does.
        """
        with self._changed:
            first, before = left.first, self._first_unsent()
            if self._dropping or self._closed:
                return []
        page = self._read(self.number, first, before) if first < before else []
        with self._changed:
            if self._dropping or left.first != first:
                return []  # dropped meanwhile
            left.first = page[-1].number + 1 if page else before
            if left.first >= self._first_unsent():
                left.done = True
                self.left.remove(left)
        return [record for record in page if left.holds(record.key)]

    def _oldest_unsent(self) -> int:
        """The number from which on something may be unsent that no sender holds."""
        return min([self._first_unsent(), *(left.first for left in self.left)])

    def _drop_left(self, count: int) -> tuple[int, int] | None:
        """Pass over some of the oldest that are left, among `count` numbers: a span in which a sender holds none.

        The queue hands out nothing meanwhile. None where none was found among them.
        """
        left = min(self.left, key=lambda each: each.first)
        before = min(left.first + count, self._first_unsent())
        while left.first < before:
            page = self._read(self.number, left.first, self._first_unsent())
            span = _run(page, left.holds, before)
            if span is None:
                left.first = page[-1].number + 1 if page else self._first_unsent()
                continue
            if span[0] < before:
                self._left_dropped.append((left, span[0]))
                left.first = span[1] + 1
                return span
            left.first = span[0]
        return None

    def _rewind_left(self) -> None:
        """What was dropped since the last transaction is left again; all from `_first_unsent` on was not handed out."""
        for left, first in self._left_dropped:
            left.first = min(left.first, first)
        for left in self.left:
            left.first = min(left.first, self._first_unsent())
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
