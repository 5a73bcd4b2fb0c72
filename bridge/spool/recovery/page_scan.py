"""Scan of a damaged database file. It reads the rows of each page, without SQLite.

Each row contains a hash that identifies its table (bridge/spool/database/tables.py). So every row can be found, even if
the schema, the file header, inner pages or the pointer map are damaged. Pages that are free according to the pointer
map are skipped, because they contain deleted rows.

https://www.sqlite.org/fileformat2.html, sections 1.6 (b-tree pages), 1.8 (pointer map) and 2.1 (records)
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.spool.database.write_ahead_log import PAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Row = tuple[Any, ...]

# The first byte of a page identifies its kind. Indexes contain rows on inner pages too. SQLite stores a table `without
# rowid` as an index.
_INNER_INDEX, _INNER_TABLE, _LEAF_INDEX, _LEAF_TABLE = 0x02, 0x05, 0x0A, 0x0D
# Kinds of pages in the pointer map: root of a tree, free page, and other page of a tree.
_ROOT, _FREE, _WITHIN = 1, 2, 5
# Maximum number of parent pages to follow. A damaged pointer map may contain a cycle.
_MAX_DEPTH = 40
# Size in bytes of an entry of the pointer map: one byte for the kind of page, and four for the number of its parent.
_ENTRY_BYTES = 5
# Distance in pages between two pages of the pointer map. The first page of the pointer map is page 2.
_STEP = PAGE_BYTES // _ENTRY_BYTES + 1
# Number of the page that SQLite reserves for file locks, 1 GiB after the start of the file. It contains no data.
_LOCKED_PAGE = 0x40000000 // PAGE_BYTES + 1
# Number of bytes before the b-tree on the first page.
_FIRST_PAGE_HEADER = 100
# Limits from section 1.6. If a payload is larger than _MAX_LOCAL_BYTES for its kind of page, a part of it is on
# overflow pages. At least _MIN_LOCAL_BYTES are on the page itself.
_MIN_LOCAL_BYTES = (PAGE_BYTES - 12) * 32 // 255 - 23
_MAX_LOCAL_BYTES = {_LEAF_TABLE: PAGE_BYTES - 35, _LEAF_INDEX: (PAGE_BYTES - 12) * 64 // 255 - 23}
_MAX_LOCAL_BYTES[_INNER_INDEX] = _MAX_LOCAL_BYTES[_LEAF_INDEX]
_MAX_NUMBER = (1 << 63) - 1
# Size in bytes of an integer, by its serial type. A serial type is SQLite's number for the type of a value.
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
# Serial types of null, float, the integer 0 and the integer 1, and the lowest serial type of blobs and texts.
_NULL, _REAL, _ZERO, _ONE, _FIRST_BYTES = 0, 7, 8, 9, 12
# Errors that the decoding of a damaged page can raise.
_DAMAGE_ERRORS = (struct.error, ValueError, IndexError, OverflowError)


class Page(NamedTuple):
    """The rows of one page. `unreadable` is the number of cells of the page that cannot be read."""

    number: int
    rows: list[Row]
    unreadable: int


class PageScan:
    """The pages of a database file. No process may have the file open. Raises OSError."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("rb")
        self._count = -(-file.stat().st_size // PAGE_BYTES)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def pages(self) -> Iterator[Page]:
        """Yield each page that may contain rows.

        Pages 1 and 2 are skipped: page 1 contains the schema, and page 2 belongs to the pointer map.
        """
        for number in range(3, self._count + 1):
            page = self.page(number)
            if page is not None and self._pointer(number)[0] != _FREE:
                yield page

    def page(self, number: int) -> Page | None:
        """Return the rows of a page, or None if pages of this kind contain no rows."""
        content = self._read(number)
        kind = content[0] if content else 0
        if kind not in _MAX_LOCAL_BYTES:
            return None
        # The header of an inner page is four bytes longer, because it contains a pointer.
        start = 12 if kind == _INNER_INDEX else 8
        cells = int.from_bytes(content[3:5])
        rows: list[Row] = []
        unreadable = 0
        for pointer in range(start, min(start + 2 * cells, len(content) - 1), 2):
            try:
                rows.append(self._row(kind, content, int.from_bytes(content[pointer : pointer + 2])))
            except _DAMAGE_ERRORS:
                unreadable += 1
        return Page(number, rows, unreadable)

    def _read(self, number: int) -> bytes:
        self._file.seek((number - 1) * PAGE_BYTES)
        return self._file.read(PAGE_BYTES)

    def root_of(self, number: int, first: int, last: int) -> int | None:
        """Return the root page of the tree to which a leaf page belongs.

        `first` and `last` are the lowest and the highest row number in the leaf page. Return None if the page does not
        belong to a tree. It may then be an obsolete copy of another page.
        """
        kind, parent = self._pointer(number)
        if kind == _WITHIN:
            low, high = self._range_of(parent, number)
            if not low < first <= last <= high:
                return None
        for _ in range(_MAX_DEPTH):
            if kind != _WITHIN:
                break
            number = parent
            kind, parent = self._pointer(number)
        return number if kind == _ROOT else None

    def _range_of(self, parent: int, child: int) -> tuple[int, int]:
        """Return the range (a, b) of row numbers in a child page of an inner page: a < number ≤ b."""
        content = self._read(parent)
        nothing = (0, 0)
        # If the parent cannot be read, return an empty range. The caller then treats the page as obsolete.
        if not content or content[0] != _INNER_TABLE:
            return nothing
        low, cells = -_MAX_NUMBER, int.from_bytes(content[3:5])
        for pointer in range(12, min(12 + 2 * cells, len(content) - 1), 2):
            at = int.from_bytes(content[pointer : pointer + 2])
            try:
                key, _ = _varint(content, at + 4)
            except _DAMAGE_ERRORS:
                return nothing
            if int.from_bytes(content[at : at + 4]) == child:
                return low, key
            low = key
        return (low, _MAX_NUMBER) if int.from_bytes(content[8:12]) == child else nothing

    def _pointer(self, page: int) -> tuple[int, int]:
        """Return the kind and the parent of a page from the pointer map, or (0, 0) if the page has no entry."""
        map_page = (page - 2) // _STEP * _STEP + 2
        # If the locked page would be a page of the pointer map, the next page is used instead.
        map_page += map_page == _LOCKED_PAGE
        # The pointer map has no entry for its own pages.
        if page <= map_page:
            return 0, 0
        self._file.seek((map_page - 1) * PAGE_BYTES + _ENTRY_BYTES * (page - map_page - 1))
        entry = self._file.read(_ENTRY_BYTES)
        return (entry[0], int.from_bytes(entry[1:])) if len(entry) == _ENTRY_BYTES else (0, 0)

    # -- rows ------------------------------------------------------------------------------------------------------

    def _row(self, kind: int, page: bytes, at: int) -> Row:
        """Return the row of a cell. Raises one of _DAMAGE_ERRORS if the cell is damaged."""
        at += 4 * (kind == _INNER_INDEX)
        size, at = _varint(page, at)
        number, at = _varint(page, at) if kind == _LEAF_TABLE else (None, at)
        max_local = _MAX_LOCAL_BYTES[kind]
        if size <= max_local:
            payload = page[at : at + size]
        else:
            # Number of bytes of the payload that are on the page itself. Section 1.6 defines the formula.
            here = _MIN_LOCAL_BYTES + (size - _MIN_LOCAL_BYTES) % (PAGE_BYTES - 4)
            here = here if here <= max_local else _MIN_LOCAL_BYTES
            following = int.from_bytes(page[at + here : at + here + 4])
            payload = page[at : at + here] + self._overflow(following, size - here)
        # If the chain of overflow pages is interrupted, the row is damaged.
        if len(payload) != size:
            raise ValueError("cut short")
        return _values(payload, number)

    def _overflow(self, page: int, size: int) -> bytes:
        """Return `size` bytes of payload from a chain of overflow pages, or fewer bytes if the chain is interrupted."""
        parts = []
        while size > 0 and 0 < page <= self._count:
            content = self._read(page)
            parts.append(content[4 : 4 + size])
            if not parts[-1]:
                break
            size -= len(parts[-1])
            page = int.from_bytes(content[:4])
        return b"".join(parts)


def _values(payload: bytes, number: int | None) -> Row:
    """Return the values of a row. `number`: the row number, or None in a table `without rowid`."""
    at_value, at = _varint(payload, 0)
    end = at_value
    if end > len(payload):
        raise ValueError("cut short")
    values = list[Any]()
    while at < end:
        kind, at = _varint(payload, at)
        value, at_value = _value(payload, kind, at_value)
        values.append(value)
    if number is not None:
        # The payload contains null instead of the row number, which is the first or the last column in our tables.
        for column in (0, -1):
            if values and values[column] is None:
                values[column] = number
                break
    return tuple(values)


def _value(payload: bytes, kind: int, at: int) -> tuple[Any, int]:
    """Return the value of serial type `kind` at offset `at`, and the offset after it.

    Raises ValueError if `payload` is too short.
    """
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
    """Return a variable-length integer and the offset after it.

    The integer has one to nine bytes, most significant first. Each of the first eight bytes contains seven bits of the
    integer. The ninth byte contains eight bits.
    """
    value = 0
    for index in range(at, at + 8):
        value = value << 7 | data[index] & 0x7F
        if data[index] < 0x80:  # noqa: PLR2004 - the last byte has no high bit
            return value, index + 1
    return value << 8 | data[at + 8], at + 9
