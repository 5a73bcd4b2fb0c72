"""Contents of a damaged spool by table: all rows with a valid CRC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.spool.database.tables import (
    DEAD_LETTERS,
    LEDGER,
    MAPPINGS,
    META,
    RECORD_COLUMNS,
    STATE,
    STREAMS,
    UNRELEASED,
    is_intact_record,
)
from bridge.spool.ledger import LedgerLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bridge.spool.recovery.page_scan import Page, PageScan, Row

# (first number, last number, page) of a page's rows.
_PageRange = tuple[int, int, int]


class DamagedSpool:
    """Readable rows of a damaged spool. Small tables are in memory; records and dead letters are read page by page."""

    def __init__(self, scan: PageScan) -> None:
        """Read all pages once. Raises OSError."""
        self.mappings: dict[int, str] = {}
        self.streams: dict[int, str] = {}
        self.meta: dict[str, str] = {}
        self.states: list[tuple[str, str, bytes, int]] = []
        """Space, key, value, and the number that gives the order in which they were written."""
        self.packets: set[int] = set()
        self.ledger: dict[tuple[int, int], LedgerLine] = {}
        self._scan = scan
        self._lines = 0
        self._ledger_damaged = False
        self._record_pages: dict[int, list[_PageRange]] = {}
        self._dead_letter_pages: list[_PageRange] = []
        # There are two passes, because records can be recognised only when the numbers of all queues are known.
        candidates = [page.number for page in scan.pages() if self._sort(page)]
        for number in candidates:
            self._index_records(number)

    @property
    def ledger_complete(self) -> bool:
        """True if no line of the ledger is missing."""
        return bool(self.ledger) and not self._ledger_damaged and len(self.ledger) >= self._lines

    @property
    def in_place(self) -> bool:
        """True if every page with records or dead letters is in its position in the tree of its table.

        A page outside the tree may be an old state of another page, whose rows have been deleted.
        """
        for pages in (*self._record_pages.values(), self._dead_letter_pages):
            roots = {self._scan.root_of(number, first, last) for first, last, number in pages}
            if None in roots or len(roots) > 1:
                return False
        return True

    def records(self, queue: int, after: int) -> Iterator[Row]:
        """Yield the records of a queue with numbers above `after`, in order: number, mapping, key, data, CRC."""
        pages = self._record_pages.get(queue, ())
        return self._in_order(pages, lambda row: is_intact_record(queue, row), 0, after)

    def dead_letters(self, after: int) -> Iterator[Row]:
        """Yield the dead letters with numbers above `after`, in order: the columns of DEAD_LETTERS, CRC, number."""
        return self._in_order(self._dead_letter_pages, lambda row: DEAD_LETTERS.is_intact(row[:-1]), -1, after)

    def _sort(self, page: Page) -> bool:
        """Store the rows of small tables, and index dead letters. Return whether the page may contain records."""
        lines = len(self.ledger)
        others = 0
        for row in page.rows:
            others += not self._keep(row)
        numbers = [row[-1] for row in page.rows if DEAD_LETTERS.is_intact(row[:-1])]
        if numbers:
            self._dead_letter_pages.append((min(numbers), max(numbers), page.number))
        # Some lines of the ledger may be lost on a page with unreadable rows, so the count of losses is a minimum.
        if len(self.ledger) > lines and (others or page.unreadable):
            self._ledger_damaged = True
        return any(len(row) == RECORD_COLUMNS for row in page.rows)

    def _keep(self, row: Row) -> bool:
        """Store the row of a small table; return False if it is none."""
        if LEDGER.is_intact(row):
            self._keep_line(row)
        elif MAPPINGS.is_intact(row):
            self.mappings[row[0]] = row[1]
        elif STREAMS.is_intact(row):
            self.streams[row[0]] = row[1]
        elif META.is_intact(row):
            self.meta[row[0]] = row[1]
        elif STATE.is_intact(row):
            self.states.append((row[0], row[1], row[2], row[3]))
        elif UNRELEASED.is_intact(row):
            self.packets.add(row[0])
        else:
            return False
        return True

    def _keep_line(self, row: Row) -> None:
        """Store a line of the ledger. If it occurs in two states, the state with the larger count is newer."""
        mapping, stream, *counts, lines, _ = row
        line = LedgerLine(*counts)
        other = self.ledger.get((mapping, stream), line)
        # If there are two states, one of the pages is obsolete. Then other lines may be missing or obsolete too.
        self._ledger_damaged |= line != other
        self.ledger[mapping, stream] = max(line, other, key=lambda each: each.received)
        self._lines = max(self._lines, lines)

    def _index_records(self, number: int) -> None:
        page = self._scan.page(number)
        rows = page.rows if page is not None else []
        for queue in self.streams:
            numbers = [row[0] for row in rows if is_intact_record(queue, row)]
            if numbers:
                self._record_pages.setdefault(queue, []).append((min(numbers), max(numbers), number))

    def _in_order(
        self, pages: Iterable[_PageRange], whole: Callable[[Row], bool], place: int, after: int
    ) -> Iterator[Row]:
        """Yield the undamaged rows of these pages, sorted by number (the column `place`), each number once."""
        waiting: dict[int, Row] = {}
        for first, last, number in sorted(pages):
            if last <= after:
                continue
            # No later page has a smaller number, so that rows below it need not wait.
            for each in sorted(found for found in waiting if found < first):
                yield waiting.pop(each)
            page = self._scan.page(number)
            for row in page.rows if page is not None else ():
                if whole(row) and row[place] > after:
                    waiting[row[place]] = row
        for each in sorted(waiting):
            yield waiting[each]
