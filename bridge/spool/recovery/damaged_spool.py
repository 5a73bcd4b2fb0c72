"""Contents of a damaged spool: all rows with a valid hash, sorted by table."""

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

# Lowest row number in a page, highest row number in it, and the number of the page.
_PageRange = tuple[int, int, int]


class DamagedSpool:
    """Readable rows of a damaged spool.

    The rows of small tables are in memory. Records and dead letters are read page by page.
    """

    def __init__(self, scan: PageScan) -> None:
        """Read all pages once. Raises OSError."""
        self.mappings: dict[int, str] = {}
        self.streams: dict[int, str] = {}
        self.meta: dict[str, str] = {}
        self.states: list[tuple[str, str, bytes, int]] = []
        """Rows of the table `state`: mapping, key, value, and a number that increases with each write."""
        self.packets: set[int] = set()
        self.ledger: dict[tuple[int, int], LedgerLine] = {}
        self._scan = scan
        self._lines = 0
        self._ledger_damaged = False
        self._record_pages: dict[int, list[_PageRange]] = {}
        self._dead_letter_pages: list[_PageRange] = []
        # The first pass over the pages finds the numbers of all queues. The second pass finds the records, which are
        # recognised by the number of their queue.
        candidates = [page.number for page in scan.pages() if self._sort(page)]
        for number in candidates:
            self._index_records(number)

    @property
    def ledger_complete(self) -> bool:
        """True if all lines of the ledger were found, and none of them is obsolete."""
        return bool(self.ledger) and not self._ledger_damaged and len(self.ledger) >= self._lines

    @property
    def pages_in_tree(self) -> bool:
        """True if every page with records or dead letters belongs to the tree of its table.

        A page outside the tree may be an obsolete copy of another page, and may contain rows that were deleted later.
        """
        for pages in (*self._record_pages.values(), self._dead_letter_pages):
            roots = {self._scan.root_of(number, first, last) for first, last, number in pages}
            if None in roots or len(roots) > 1:
                return False
        return True

    def records(self, queue: int, after: int) -> Iterator[Row]:
        """Yield a queue's records with numbers above `after`, in order. Row: (number, mapping, key, data, hash)."""
        pages = self._record_pages.get(queue, ())
        return self._in_order(pages, lambda row: is_intact_record(queue, row), 0, after)

    def dead_letters(self, after: int) -> Iterator[Row]:
        """Yield the dead letters with numbers above `after`, in order. Row: columns of DEAD_LETTERS, hash, number."""
        return self._in_order(self._dead_letter_pages, lambda row: DEAD_LETTERS.is_intact(row[:-1]), -1, after)

    def _sort(self, page: Page) -> bool:
        """Store a page's rows of small tables, and index its dead letters.

        Return whether the page may contain records.
        """
        lines = len(self.ledger)
        others = 0
        for row in page.rows:
            others += not self._keep(row)
        numbers = [row[-1] for row in page.rows if DEAD_LETTERS.is_intact(row[:-1])]
        if numbers:
            self._dead_letter_pages.append((min(numbers), max(numbers), page.number))
        # If a page contains lines of the ledger, and also other or unreadable rows, lines of the ledger may be lost.
        # Then the number of lost records in the ledger is only a minimum.
        if len(self.ledger) > lines and (others or page.unreadable):
            self._ledger_damaged = True
        return any(len(row) == RECORD_COLUMNS for row in page.rows)

    def _keep(self, row: Row) -> bool:
        """Store the row and return True if it belongs to a small table. Otherwise, return False."""
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
        """Store a line of the ledger. Of two versions of a line, store the newer one, which has a larger `received`."""
        mapping, stream, *counts, lines, _ = row
        line = LedgerLine(*counts)
        other = self.ledger.get((mapping, stream), line)
        # If the two versions differ, one of them is from an obsolete page. Then other lines of the ledger may be
        # obsolete too.
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
        self, pages: Iterable[_PageRange], is_intact: Callable[[Row], bool], column: int, after: int
    ) -> Iterator[Row]:
        """Yield the undamaged rows of these pages, sorted by the row number in `column`. Yield each row number once."""
        waiting: dict[int, Row] = {}
        for first, last, number in sorted(pages):
            if last <= after:
                continue
            # The pages are sorted by their lowest number. So all rows with numbers below `first` were already read.
            for each in sorted(found for found in waiting if found < first):
                yield waiting.pop(each)
            page = self._scan.page(number)
            for row in page.rows if page is not None else ():
                if is_intact(row) and row[column] > after:
                    waiting[row[column]] = row
        for each in sorted(waiting):
            yield waiting[each]
