"""Format of `packing: lines`: newline-delimited JSON, for consumers without a KPL library.

Every line ends with a newline, and contains no other line break, neither LF nor CR. If a service such as Firehose joins
the records, the result therefore still has one value per line: https://github.com/ndjson/ndjson-spec#32-parsing The
newline is missing only if the record with it would exceed the limit of the stream.

With compression, a record is one gzip member (RFC 1952) or one zstd frame (RFC 8878) of these lines.
"""

from __future__ import annotations

import gzip
import sys
from typing import TYPE_CHECKING

import zstandard

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.model import Record

# Default levels of zlib and of zstd.
GZIP_LEVEL = 6
ZSTD_LEVEL = 3
MOST_PLAIN_BYTES = 4 * 1024 * 1024
"""Max bytes of a record's lines before compression: a consumer needs memory for the decompressed lines."""

_SPACES = bytes.maketrans(b"\r\n", b"  ")
# First estimate of the compression ratio. If it is too low, the first record is small. If it is too high, the first
# record is compressed a second time.
_FIRST_RATIO = 3.0
# Target share of the limit. Below 1, because a result that is too large is compressed a second time.
_MARGIN = 0.9


def _compressor(compression: str) -> Callable[[bytes], bytes] | None:
    if compression == "gzip":
        # The gzip header has no time stamp, so that equal lines always become equal bytes.
        return lambda lines: gzip.compress(lines, GZIP_LEVEL, mtime=0)
    # Threads cannot share a compressor, and creating one takes only 2 µs.
    return (lambda lines: zstandard.ZstdCompressor(ZSTD_LEVEL).compress(lines)) if compression == "zstd" else None


class JsonLinesEncoder:
    """Encoder that joins and compresses records. It uses the last compression ratios to estimate how many fit next."""

    def __init__(self, compression: str = "none") -> None:
        self._compress = _compressor(compression)
        self._ratio = _FIRST_RATIO

    @property
    def ratio(self) -> float:
        """Ratio of the bytes of records to the bytes of packed records, averaged over recent records."""
        return 1.0 if self._compress is None else self._ratio

    def encode(self, records: Sequence[Record], start: int, most: int, limit: int = 0) -> tuple[int, bytes]:
        """Join `records` from `start` on: at least one, and as many as fit in `most` bytes. Return (end, data).

        `limit`: max bytes that the stream accepts, for the newline of a single record that is larger than `most`.
        """
        if self._compress is None:
            return _join(records, start, most, limit)
        # The number of lines that fit is known only after compression, so the encoder estimates and corrects it.
        aim = min(int(most * self._ratio * _MARGIN), MOST_PLAIN_BYTES)
        while True:
            # With compression, the limit applies to the result, so the newline needs no check here.
            end, lines = _join(records, start, aim, sys.maxsize)
            data = self._compress(lines)
            if len(data) <= most or end == start + 1:
                # The mean of the old estimate and the last result adapts to changed data within a few records. The
                # bound prevents that, after one record of zeros, the next record is far too large.
                self._ratio += (min(len(lines) / len(data), 100.0) - self._ratio) / 2
                return end, data
            # Each attempt has fewer bytes than the last, so that the loop ends.
            aim = min(int(aim * most / len(data) * _MARGIN), len(lines) - 1)


def _join(records: Sequence[Record], start: int, most: int, limit: int) -> tuple[int, bytes]:
    parts: list[bytes] = []
    size, end = 0, start
    for end in range(start, len(records)):
        data = records[end].data
        if b"\n" in data or b"\r" in data:
            data = data.translate(_SPACES)  # JSON has raw line breaks only between tokens
        size += len(data) + 1
        if size > most and parts:
            break
        parts.append(data)
    else:
        end += 1
    if len(parts) > 1 or len(parts[0]) < max(most, limit):
        parts.append(b"")  # the newline of the last line
    return end, b"\n".join(parts)
