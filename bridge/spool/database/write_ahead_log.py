"""Detection of damage in SQLite's write-ahead log.

Each frame of the log contains one page, and a checksum that continues the checksum of the previous frame. SQLite reads
up to the first frame with a wrong checksum, and ignores all later frames without an error. This is correct if a power
failure interrupted the last transaction. But if a frame in the middle is damaged, committed transactions are lost,
although the bridge has acknowledged their messages. Two facts distinguish these cases:

1. The index file (`-shm`) contains the number of committed frames. This number is correct if the machine was not
   restarted since. After a restart, the index may be older than the log.
2. Only the last transaction can be incomplete, because each commit waits for its fsync. So if two or more transactions
   end after a wrong frame, the log is damaged.

https://www.sqlite.org/fileformat2.html#the_write_ahead_log and https://www.sqlite.org/walformat.html
"""

from __future__ import annotations

import logging
import struct
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

log = logging.getLogger(__name__)

PAGE_BYTES = 4096
"""Page size in bytes of every spool (pragma page_size)."""
# Header of the log file: magic number, version, page size, number of the checkpoint, two salts, two checksums.
_HEADER = struct.Struct(">8I")
# Header of a frame: page number, size of the database in pages (0 if the frame does not end a transaction), two salts,
# two checksums.
_FRAME = struct.Struct(">6I")
_FRAME_BYTES = _FRAME.size + PAGE_BYTES
# Magic number of the log file. If its lowest bit is set, the checksums are computed from big-endian words.
_MAGIC, _VERSION = 0x377F0682, 3007000
# Header of the index, in the machine's byte order. The index file begins with two copies of this header. The next field
# is the number of frames that a checkpoint has copied to the database.
_INDEX = struct.Struct("=3I2BH8I")
_BITS = 0xFFFFFFFF

Checksum = tuple[int, int]


class LogFrame(NamedTuple):
    """A frame of the log. The first frame has `number` 1.

    If the frame ends a transaction, `commit_pages` is the size of the database in pages after the transaction.
    Otherwise, it is 0.
    """

    number: int
    page: int
    commit_pages: int
    intact: bool
    """True if the frame's checksum continues the checksum of the previous frame."""


class _Index(NamedTuple):
    frames: int
    """Number of committed frames."""
    in_database: int
    """Number of committed frames that a checkpoint has copied to the database."""
    salts: tuple[int, int]


class WriteAheadLog:
    """The frames of a log file. No process may have the file open. Raises OSError."""

    def __init__(self, database: Path) -> None:
        file = database.with_name(f"{database.name}-wal")
        self._file: BinaryIO | None = file.open("rb") if file.exists() else None
        head = self._file.read(_HEADER.size) if self._file else b""
        self.count = max(0, file.stat().st_size - _HEADER.size) // _FRAME_BYTES if self._file else 0
        values = _HEADER.unpack(head) if len(head) == _HEADER.size else (0,) * 8
        self._big_endian = bool(values[0] & 1) if values[0] & ~1 == _MAGIC else sys.byteorder == "big"
        self.begins = values[6:] == _checksum(head[:24], (0, 0), big=self._big_endian) and values[1:3] == (
            _VERSION,
            PAGE_BYTES,
        )
        """True if the header is intact."""
        self._first: Checksum = (values[6], values[7])
        # If the header is damaged, use the salts of the first frame.
        self.salts = (values[4], values[5]) if self.begins else self._header_of(1)[2:4]
        self._index = _read_index(database)

    @property
    def committed(self) -> int:
        """Number of committed frames according to the index, or 0 if there is no index of this log."""
        index = self._index
        return index.frames if index is not None and index.salts == self.salts else 0

    def frames(self) -> Iterator[LogFrame]:
        """Yield the frames of this log in order.

        The end of the file may contain older frames, from before the last checkpoint. They are omitted. A frame after a
        damaged frame is intact in two cases:

        1. Its checksum continues the checksum that is stored in the damaged frame.
        2. Its checksum continues the checksum that is computed from the content of the damaged frame.
        """
        computed = stored = self._first
        for number in range(1, self.count + 1):
            page, commit_pages, *salts, first, second = self._header_of(number)
            part = _FRAME.pack(page, commit_pages, 0, 0, 0, 0)[:8] + self.page_of(number)
            found = (first, second)
            after = _checksum(part, computed, big=self._big_endian)
            intact = found == after
            if not intact and stored != computed:
                after = _checksum(part, stored, big=self._big_endian)
                intact = found == after
            computed, stored = after, found
            if tuple(salts) == self.salts:
                yield LogFrame(number, page, commit_pages, intact and page > 0)

    def page_of(self, number: int) -> bytes:
        """Return the page in a frame."""
        return self._read(_HEADER.size + (number - 1) * _FRAME_BYTES + _FRAME.size, PAGE_BYTES)

    def damage(self, *, same_boot: bool) -> str:
        """Return a text that describes which part of the log is lost. Return "" if no acknowledged transaction is lost.

        `same_boot` is true if the machine was not restarted since the log was written.
        """
        index = self._index if same_boot else None
        if not self.count:
            missing = index.frames - index.in_database if index else 0
            return f"the write-ahead log is empty; {missing} pages of it are lost" if missing > 0 else ""
        if not self.begins:
            return f"the header of the write-ahead log is damaged; {self.count} pages follow it"
        end, behind, commits = self._ends()
        if self.committed > end:
            return f"the write-ahead log is damaged after page {end} of {self.committed}"
        if index is not None and index.salts == self.salts:
            # All committed frames are intact. The bridge has not acknowledged the transactions of later frames.
            return ""
        if commits > 1:
            return f"the write-ahead log is damaged after page {end}; {behind} pages of it follow"
        if commits:
            log.warning(
                "the last transaction in the write-ahead log is incomplete, as after a power failure: %d pages are "
                "ignored. If there was no power failure, the disk has lost an unknown number of records",
                behind,
            )
        return ""

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()

    def _ends(self) -> tuple[int, int, int]:
        """Return the number of the last frame that SQLite uses, and the numbers of frames and commits after it."""
        end, behind, commits, expected = 0, 0, 0, 1
        for frame in self.frames():
            if frame.intact and frame.number == expected:
                expected += 1
                end = frame.number if frame.commit_pages else end
            else:
                expected = 0  # no frame has this number, because SQLite uses no later frame
                behind += 1
                commits += frame.commit_pages > 0
        return end, behind, commits

    def _header_of(self, number: int) -> tuple[int, int, int, int, int, int]:
        head = self._read(_HEADER.size + (number - 1) * _FRAME_BYTES, _FRAME.size) if number <= self.count else b""
        page, commit, salt, other, first, second = _FRAME.unpack(head) if len(head) == _FRAME.size else (0,) * 6
        return page, commit, salt, other, first, second

    def _read(self, at: int, size: int) -> bytes:
        if self._file is None:
            return b""
        self._file.seek(at)
        return self._file.read(size)


def _checksum(data: bytes, begin: Checksum, *, big: bool) -> Checksum:
    """Return SQLite's checksum of `data`, which continues the checksum `begin`.

    Only complete groups of 8 bytes are included.
    """
    first, second = begin
    words = iter(struct.unpack(f"{'>' if big else '<'}{len(data) // 8 * 2}I", data[: len(data) // 8 * 8]))
    for one, other in zip(words, words, strict=True):
        first = (first + one + second) & _BITS
        second = (second + other + first) & _BITS
    return first, second


def _read_index(database: Path) -> _Index | None:
    """Return the header of the index. Return None if there is no index, or if the header is damaged."""
    file = database.with_name(f"{database.name}-shm")
    try:
        with file.open("rb") as index:
            head = index.read(2 * _INDEX.size + 4)
    except OSError:
        return None
    one, other = head[: _INDEX.size], head[_INDEX.size : 2 * _INDEX.size]
    if len(head) < 2 * _INDEX.size + 4 or one != other:
        return None
    values = _INDEX.unpack(one)
    if values[0] != _VERSION or values[-2:] != _checksum(one[:40], (0, 0), big=sys.byteorder == "big"):
        return None
    # SQLite copies the salts from the log without a conversion, so they are big-endian as in the log.
    salts = struct.unpack(">2I", one[32:40])
    return _Index(values[6], int.from_bytes(head[2 * _INDEX.size :], sys.byteorder), (salts[0], salts[1]))
