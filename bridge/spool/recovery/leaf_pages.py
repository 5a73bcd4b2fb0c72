"""Rows of a table, read directly from its leaf pages when the pages above them are damaged.

The pointer map, which `auto_vacuum` maintains beside the tree, contains the parent of each page up to the root. It thus
shows which table a page belongs to. A freed page is marked as free there, so no deleted row comes back.

https://www.sqlite.org/fileformat2.html: b-tree pages 1.6, pointer map 1.8, records 2.1
"""

from __future__ import annotations

import struct
from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# First byte of a leaf page of a table.
_LEAF = 0x0D
_ROOT, _WITHIN = 1, 5
"""Kinds of pages in the pointer map: the root of a tree, and any other page of a tree."""
# Maximum number of parents followed, because a damaged pointer map may contain a cycle.
_DEEPEST = 40
# A page whose numbers span more than _NEAR thousands is indexed under _FAR_APART, and read with every query.
_NEAR, _FAR_APART = 4, -1
_PAGE_SIZES = frozenset(1 << bits for bits in range(9, 16))
# Offset of the page that SQLite reserves for file locks; it contains no data.
_LOCKED_BYTE = 0x40000000
# Bytes of a pointer map entry: one of the kind, four of the parent.
_ENTRY_BYTES = 5
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
"""Size in bytes of an integer, by its serial type."""
# Serial types of a float, 0 and 1; text and blobs begin at the last.
_REAL, _ZERO, _ONE, _FIRST_BYTES = 7, 8, 9, 12
_ODDITIES = (struct.error, ValueError, IndexError, OverflowError)
"""Errors that decoding of a damaged page can raise."""


class LeafPages:
    """Leaf pages of the tables of one database file that no process has open. Raises OSError."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("rb")
        head = self._file.read(100)
        size = int.from_bytes(head[16:18])
        self._page_bytes = 65_536 if size == 1 else size if size in _PAGE_SIZES else 0
        self._usable = self._page_bytes - (head[20] if head[20:] else 0)
        self._roots: dict[int, int | None] = {}
        self._pages: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        """Page numbers by the table's root and by thousands of row numbers.

        _FAR_APART: rows far apart, or damaged numbers.
        """
        self._bounds: dict[int, tuple[int, int]] = {}
        if self._page_bytes:
            self._index_pages(file.stat().st_size // self._page_bytes)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def bounds(self, root: int) -> tuple[int, int] | None:
        """Return the first and the last row number on the table's leaf pages, or None if there are none."""
        return self._bounds.get(root)

    def rows(self, root: int, low: int, high: int) -> dict[int, tuple[Any, ...]]:
        """Return the rows numbered `low` to `high` whose bytes can be read, by number.

        The first column is the number.
        """
        thousands = (*range(low // 1000, high // 1000 + 1), _FAR_APART)
        pages = {page for each in thousands for page in self._pages.get((root, each), ())}
        rows = (row for page in sorted(pages) for row in self._rows_of(self._page(page)))
        return {row[0]: row for row in rows if low <= row[0] <= high}

    # -- pages -----------------------------------------------------------------------------------------------------

    def _index_pages(self, pages: int) -> None:
        """Index the leaf pages of all tables. Page 1 is the schema's root, and page 2 the first pointer map page."""
        for number in range(3, pages + 1):
            page = self._page(number)
            if page[0] != _LEAF or (root := self._root_of(number)) is None:
                continue
            numbers = [row[0] for row in self._rows_of(page)]
            if numbers:
                self._note(root, number, min(numbers), max(numbers))

    def _note(self, root: int, page: int, first: int, last: int) -> None:
        low, high = self._bounds.get(root, (first, last))
        self._bounds[root] = min(low, first), max(high, last)
        thousands = range(first // 1000, last // 1000 + 1)
        for each in thousands if first >= 0 and len(thousands) <= _NEAR else (_FAR_APART,):
            self._pages[root, each].append(page)

    def _page(self, number: int) -> bytes:
        self._file.seek((number - 1) * self._page_bytes)
        return self._file.read(self._page_bytes)

    def _root_of(self, page: int) -> int | None:
        """Return the root page of the table that a page belongs to.

        Return None if the page is free, or if its parents are damaged.
        """
        way: list[int] = []
        while page not in self._roots and len(way) < _DEEPEST:
            way.append(page)
            kind, parent = self._pointer(page)
            if kind == _ROOT:
                self._roots[page] = page
            elif kind != _WITHIN:
                self._roots[page] = None
            else:
                page = parent
        root = self._roots.get(page)
        self._roots.update(dict.fromkeys(way, root))
        return root

    def _pointer(self, page: int) -> tuple[int, int]:
        """Return the kind and the parent of a page from the pointer map, or (0, 0) if it has no entry."""
        step = self._usable // _ENTRY_BYTES + 1
        place = (page - 2) // step * step + 2
        # A pointer map page that would be at the locked page is behind it.
        place += place == _LOCKED_BYTE // self._page_bytes + 1
        # A pointer map page has no entry of its own.
        if page <= place:
            return 0, 0
        self._file.seek((place - 1) * self._page_bytes + _ENTRY_BYTES * (page - place - 1))
        entry = self._file.read(_ENTRY_BYTES)
        return (entry[0], int.from_bytes(entry[1:])) if len(entry) == _ENTRY_BYTES else (0, 0)

    # -- rows ------------------------------------------------------------------------------------------------------

    def _rows_of(self, page: bytes) -> Iterator[tuple[Any, ...]]:
        cells = int.from_bytes(page[3:5])
        for place in range(8, min(8 + 2 * cells, len(page) - 1), 2):
            try:
                yield self._row(page, int.from_bytes(page[place : place + 2]))
            except _ODDITIES:
                continue

    def _row(self, page: bytes, at: int) -> tuple[Any, ...]:
        """Return the row of a cell: its number and its other columns.

        Raises one of _ODDITIES if the cell is damaged.
        """
        size, at = _varint(page, at)
        number, at = _varint(page, at)
        # Fileformat 1.6: the largest payload without overflow pages, and the part of a larger one that is on this page.
        most = self._usable - 35
        if size <= most:
            payload = page[at : at + size]
        else:
            least = (self._usable - 12) * 32 // 255 - 23
            here = least + (size - least) % (self._usable - 4)
            here = here if here <= most else least
            following = int.from_bytes(page[at + here : at + here + 4])
            payload = page[at : at + here] + self._overflow(following, size - here)
        if len(payload) != size:
            raise ValueError("cut short")
        _, *values = _values(payload)
        return (number, *values)

    def _overflow(self, page: int, size: int) -> bytes:
        """Return `size` bytes of payload from a chain of overflow pages, or fewer if the chain is cut."""
        parts = []
        while size > 0 and page:
            content = self._page(page)
            parts.append(content[4 : min(self._usable, 4 + size)])
            if not parts[-1]:
                break
            size -= len(parts[-1])
            page = int.from_bytes(content[:4])
        return b"".join(parts)


def _values(payload: bytes) -> list[Any]:
    """Return the columns of a record.

    The first column of the spool's tables is the row number, which is stored as null.
    """
    at_value, at = _varint(payload, 0)
    end, values = at_value, list[Any]()
    while at < end:
        kind, at = _varint(payload, at)
        value, at_value = _value(payload, kind, at_value)
        values.append(value)
    return values


def _value(payload: bytes, kind: int, at: int) -> tuple[Any, int]:
    """Return a column's value and the offset behind it. Raises ValueError if the payload is too short."""
    if kind in _INTEGERS:
        end = at + _INTEGERS[kind]
        return int.from_bytes(payload[at:end], signed=True), end
    if kind == _REAL:
        return struct.unpack_from(">d", payload, at)[0], at + 8
    if kind < _FIRST_BYTES:
        return {_ZERO: 0, _ONE: 1}.get(kind), at
    end = at + (kind - _FIRST_BYTES) // 2
    if end > len(payload):
        raise ValueError("cut short")
    return (payload[at:end].decode() if kind % 2 else payload[at:end]), end


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a variable-length integer and the offset behind it.

    It has up to nine bytes, most significant first. The first eight carry seven bits each, the ninth eight bits.
    """
    value = 0
    for place in range(at, at + 8):
        value = value << 7 | data[place] & 0x7F
        if data[place] < 0x80:  # noqa: PLR2004 - the last byte has no high bit
            return value, place + 1
    return value << 8 | data[at + 8], at + 9
