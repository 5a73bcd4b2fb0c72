"""The file that stores the curves across restarts: a ring for each resolution, in a file of a fixed size.

    header   8 bytes magic, CRC-32 of the layout (names of the curves, steps and points of the rings)
    rows     for each ring, one row per step: step number (4 bytes), one 32-bit float per curve, CRC-32 of both

The position of a row is its step number modulo the size of its ring, so a write replaces only rows that are too old.
Each row has its own checksum, so a damaged row is skipped and the others are read. The file is written without `fsync`,
so after a power failure, the rows of the last half minute may be missing.
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
# 32 bits are enough for a curve, and halve the file.
_ROW: Final = struct.Struct(f"<I{len(UNITS)}f")
_CRC: Final = struct.Struct("<I")
ROW_BYTES: Final = _ROW.size + _CRC.size
_EMPTY: Final = bytes(ROW_BYTES)


class CurveFile:
    """The file of the curves. Not thread-safe. An error never raises: it is logged once, until a write succeeds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Newest step of each ring that is in the file.
        self._saved: list[int] = []
        self._failing = False

    def load(self, rings: Sequence[TimeSeries], now: float) -> None:
        """Fill the rings with the rows of the file. Rows later than `now` (seconds since 1970) are skipped."""
        self._saved = [0] * len(rings)
        try:
            octets = read_bytes(self._path, file_bytes(rings))
        except FileProblem as error:
            if self._path.exists():
                log.warning("the curves of earlier runs in %s are not used: %s", self._path, error)
            return
        if len(octets) != file_bytes(rings) or octets[: _HEADER.size] != _header(rings):
            log.warning("the curves of earlier runs in %s are not used: damaged, or of another version", self._path)
            return
        damaged = 0
        for at, (ring, place) in enumerate(_places(rings)):
            rows = [octets[place + ROW_BYTES * each :][:ROW_BYTES] for each in range(ring.points)]
            intact = dict(row for row in map(_parsed, rows) if row is not None)
            damaged += sum(row != _EMPTY for row in rows) - len(intact)
            self._saved[at] = _fill(ring, intact, int(now // ring.step_secs))
        if damaged:
            log.warning("%s: left out %d damaged points of the curves of earlier runs", self._path, damaged)

    def save(self, rings: Sequence[TimeSeries]) -> None:
        """Write the rows that are missing in the file. Create the file if it does not exist or has another size."""
        self._saved = self._saved or [0] * len(rings)
        try:
            # O_NOFOLLOW refuses a link, which could make root overwrite another file.
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                self._write(descriptor, rings)
            finally:
                os.close(descriptor)
        except OSError as error:
            if not self._failing:
                log.warning("the curves cannot be kept in %s: %s", self._path, error.strerror)
            # The error is logged only once, until a write succeeds.
            self._failing = True
        else:
            self._failing = False

    def _write(self, descriptor: int, rings: Sequence[TimeSeries]) -> None:
        size, header = file_bytes(rings), _header(rings)
        # Another version may have other curves or rings. Its rows cannot be converted, so the file begins again.
        if os.fstat(descriptor).st_size != size or os.pread(descriptor, len(header), 0) != header:
            # The complete size is allocated now, so that later writes succeed even if the disk becomes full.
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, header + bytes(size - len(header)), 0)
            self._saved = [0] * len(rings)
        for at, (ring, place) in enumerate(_places(rings)):
            newest = ring.newest or 0
            # If the clock was set back, these rows are in the future.
            first = newest - ring.points if self._saved[at] > newest else self._saved[at]
            for slot, values in ring.rows(first):
                body = _ROW.pack(slot, *values)
                os.pwrite(descriptor, body + _CRC.pack(zlib.crc32(body)), place + ROW_BYTES * (slot % ring.points))
            self._saved[at] = newest


def file_bytes(rings: Sequence[TimeSeries]) -> int:
    """Return the size of the file in bytes, which is fixed."""
    return _HEADER.size + ROW_BYTES * sum(ring.points for ring in rings)


def _header(rings: Sequence[TimeSeries]) -> bytes:
    layout = repr((list(UNITS), [(ring.step_secs, ring.points) for ring in rings]))
    return _HEADER.pack(_MAGIC, zlib.crc32(layout.encode()))


def _places(rings: Sequence[TimeSeries]) -> Iterator[tuple[TimeSeries, int]]:
    """Yield each ring and the position of its first row."""
    place = _HEADER.size
    for ring in rings:
        yield ring, place
        place += ROW_BYTES * ring.points


def _parsed(row: bytes) -> tuple[int, list[float]] | None:
    """Return the step and the values of a row; None if the row is empty or damaged."""
    if row == _EMPTY or _CRC.unpack(row[_ROW.size :])[0] != zlib.crc32(row[: _ROW.size]):
        return None
    slot, *values = _ROW.unpack(row[: _ROW.size])
    return slot, values


def _fill(ring: TimeSeries, rows: dict[int, list[float]], now: int) -> int:
    """Store the rows in the ring, and return the newest step."""
    # Rows older than the ring would overwrite newer ones, because both have the same position.
    known = sorted(slot for slot in rows if now - ring.points < slot <= now)
    for slot in known:
        ring.put(slot, {name: each for name, each in zip(UNITS, rows[slot], strict=True) if each == each})  # noqa: PLR0124 - NaN is no point
    return known[-1] if known else 0
