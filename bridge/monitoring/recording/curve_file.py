"""The file that stores the curves across restarts.

The file has a fixed size. It contains a ring of rows for each resolution:

    header   8 bytes magic, CRC-32 of the layout (names of the curves, step length and number of points of each ring)
    rows     for each ring, one row per step: step number (4 bytes), one 32-bit float per curve, CRC-32 of both

The position of a row in its ring is the step number modulo the number of points, so a new row replaces the oldest row.
Each row has its own checksum, so that a damaged row does not make the other rows unreadable. The file is written
without `fsync`, so the last rows may be missing after a power failure.
"""

from __future__ import annotations

import logging
import os
import struct
import zlib
from typing import TYPE_CHECKING, Final

from bridge.files import FileProblem, read_bytes
from bridge.monitoring.recording.curve_values import UNITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bridge.monitoring.recording.time_series import TimeSeries

log = logging.getLogger(__name__)

CURVE_FILE: Final = "curves.bin"
_MAGIC: Final = b"MKcurves"
_HEADER: Final = struct.Struct("<8sI")
# 32-bit floats are precise enough for a curve, and need half the space of 64-bit floats.
_ROW: Final = struct.Struct(f"<I{len(UNITS)}f")
_CRC: Final = struct.Struct("<I")
ROW_BYTES: Final = _ROW.size + _CRC.size
_EMPTY: Final = bytes(ROW_BYTES)


class CurveFile:
    """The file of the curves. Not thread-safe.

    No method raises an exception. If writes fail, only the first error is logged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # Number of the newest step of each ring that is in the file, or 0 if there is none.
        self._saved: list[int] = []
        self._failing = False

    def load(self, rings: Sequence[TimeSeries], now: float) -> None:
        """Fill the rings with the rows of the file. Skip rows that are later than `now` (seconds since 1970)."""
        self._saved = [0] * len(rings)
        try:
            data = read_bytes(self._path, file_bytes(rings))
        except FileProblem as error:
            if self._path.exists():
                log.warning("the curves of earlier runs in %s are not used: %s", self._path, error)
            return
        if len(data) != file_bytes(rings) or data[: _HEADER.size] != _header(rings):
            log.warning("the curves of earlier runs in %s are not used: damaged, or of another version", self._path)
            return
        damaged = 0
        for index, (ring, position) in enumerate(_positions(rings)):
            rows = [data[position + ROW_BYTES * each :][:ROW_BYTES] for each in range(ring.points)]
            intact = dict(row for row in map(_parsed, rows) if row is not None)
            damaged += sum(row != _EMPTY for row in rows) - len(intact)
            self._saved[index] = _fill(ring, intact, int(now // ring.step_secs))
        if damaged:
            log.warning("%s: skipped %d damaged points of the curves of earlier runs", self._path, damaged)

    def save(self, rings: Sequence[TimeSeries]) -> None:
        """Write the rows that the file does not contain yet. Create the file if it is missing or has another layout."""
        self._saved = self._saved or [0] * len(rings)
        try:
            # With O_NOFOLLOW, the call fails if the path is a link. A link could make root overwrite another file.
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                self._write(descriptor, rings)
            finally:
                os.close(descriptor)
        except OSError as error:
            if not self._failing:
                log.warning("the curves cannot be saved to %s: %s", self._path, error.strerror)
            self._failing = True
        else:
            self._failing = False

    def _write(self, descriptor: int, rings: Sequence[TimeSeries]) -> None:
        size, header = file_bytes(rings), _header(rings)
        # A file of another version may have other curves or rings. Its rows cannot be converted, so they are discarded.
        if os.fstat(descriptor).st_size != size or os.pread(descriptor, len(header), 0) != header:
            # Writing zeros allocates the complete file now, so that later writes succeed even if the disk is full.
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, header + bytes(size - len(header)), 0)
            self._saved = [0] * len(rings)
        for index, (ring, position) in enumerate(_positions(rings)):
            newest = ring.newest or 0
            # If the file has rows in the future, the clock was set back. In this case, write all rows again.
            after = newest - ring.points if self._saved[index] > newest else self._saved[index]
            for step, values in ring.rows(after):
                body = _ROW.pack(step, *values)
                os.pwrite(descriptor, body + _CRC.pack(zlib.crc32(body)), position + ROW_BYTES * (step % ring.points))
            self._saved[index] = newest


def file_bytes(rings: Sequence[TimeSeries]) -> int:
    """Return the size of a file with these rings, in bytes."""
    return _HEADER.size + ROW_BYTES * sum(ring.points for ring in rings)


def _header(rings: Sequence[TimeSeries]) -> bytes:
    layout = repr((list(UNITS), [(ring.step_secs, ring.points) for ring in rings]))
    return _HEADER.pack(_MAGIC, zlib.crc32(layout.encode()))


def _positions(rings: Sequence[TimeSeries]) -> Iterator[tuple[TimeSeries, int]]:
    """Yield (ring, offset of its first row in the file)."""
    position = _HEADER.size
    for ring in rings:
        yield ring, position
        position += ROW_BYTES * ring.points


def _parsed(row: bytes) -> tuple[int, list[float]] | None:
    """Return (step number, values) of a row, or None if the row is empty or damaged."""
    if row == _EMPTY or _CRC.unpack(row[_ROW.size :])[0] != zlib.crc32(row[: _ROW.size]):
        return None
    step, *values = _ROW.unpack(row[: _ROW.size])
    return step, values


def _fill(ring: TimeSeries, rows: dict[int, list[float]], now: int) -> int:
    """Store the rows (values by step number) in the ring. Return the number of the newest step, 0 without rows.

    `now` is the number of the current step.
    """
    # A row that is too old for the ring could overwrite a newer point, because both have the same position.
    known = sorted(step for step in rows if now - ring.points < step <= now)
    for step in known:
        ring.put(step, {name: each for name, each in zip(UNITS, rows[step], strict=True) if each == each})  # noqa: PLR0124 - NaN is no point
    return known[-1] if known else 0
