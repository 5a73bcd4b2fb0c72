"""Format of `packing: lines`: newline-delimited JSON, for consumers without a KPL library.

Every line ends with a newline, and contains no other line break, neither LF nor CR. So if a service such as Firehose
joins the records, the result still has one value per line: https://github.com/ndjson/ndjson-spec#32-parsing

There is one exception: if the newline of the last line would make the record larger than the stream accepts, this
newline is omitted.

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
MAX_PLAIN_BYTES = 4 * 1024 * 1024
"""Maximum bytes of a record's lines before compression, because a consumer needs memory for the decompressed lines."""

_SPACES = bytes.maketrans(b"\r\n", b"  ")
# First estimate of the compression ratio. If the estimate is too low, the first record is small. If the estimate is too
# high, the first record is compressed a second time.
_FIRST_RATIO = 3.0
# Target size of a record, as a fraction of the limit. It is less than 1, because a record that exceeds the limit must
# be compressed a second time.
_MARGIN = 0.9


def _compressor(compression: str) -> Callable[[bytes], bytes] | None:
    if compression == "gzip":
        # With `mtime=0`, the gzip header has no time stamp, so equal lines always become equal bytes.
        return lambda lines: gzip.compress(lines, GZIP_LEVEL, mtime=0)
    # Each call creates a compressor, because threads cannot share a compressor. Creating it takes only 2 µs.
    return (lambda lines: zstandard.ZstdCompressor(ZSTD_LEVEL).compress(lines)) if compression == "zstd" else None


class JsonLinesEncoder:
    """Encoder that joins and compresses records. It estimates from recent compression ratios how many records fit."""

    def __init__(self, compression: str = "none") -> None:
        self._compress = _compressor(compression)
        self._ratio = _FIRST_RATIO

    @property
    def ratio(self) -> float:
        """Ratio of the bytes of records to the bytes of packed records, averaged over recent records."""
        return 1.0 if self._compress is None else self._ratio

    def encode(self, records: Sequence[Record], start: int, max_bytes: int, stream_limit: int = 0) -> tuple[int, bytes]:
        """Join `records` from the index `start` on: at least one record, and as many as fit in `max_bytes`.

        Return (end, data). `end` is the index after the last joined record. `stream_limit` is the maximum size that the
        stream accepts. This limit decides whether a single record that is larger than `max_bytes` ends with a newline.
        """
        if self._compress is None:
            return _join(records, start, max_bytes, stream_limit)
        # Only compression shows how many lines fit. So the number is estimated, and corrected if the result is too
        # large.
        aim = min(int(max_bytes * self._ratio * _MARGIN), MAX_PLAIN_BYTES)
        while True:
            # The stream's limit applies to the compressed data, so the lines may always end with a newline.
            end, lines = _join(records, start, aim, sys.maxsize)
            data = self._compress(lines)
            if len(data) <= max_bytes or end == start + 1:
                # The new estimate is the mean of the old estimate and the last ratio, so it adapts to changed data
                # within a few records. The ratio is limited to 100. Otherwise, after one record of zeros, the estimate
                # would be far too high.
                self._ratio += (min(len(lines) / len(data), 100.0) - self._ratio) / 2
                return end, data
            # Each attempt has fewer lines than the attempt before, so the loop ends.
            aim = min(int(aim * max_bytes / len(data) * _MARGIN), len(lines) - 1)


def _join(records: Sequence[Record], start: int, max_bytes: int, stream_limit: int) -> tuple[int, bytes]:
    parts: list[bytes] = []
    size, end = 0, start
    for end in range(start, len(records)):
        data = records[end].data
        if b"\n" in data or b"\r" in data:
            data = data.translate(_SPACES)  # JSON strings contain no raw line breaks, so this changes only white space
        size += len(data) + 1
        if size > max_bytes and parts:
            break
        parts.append(data)
    else:
        end += 1
    if len(parts) > 1 or len(parts[0]) < max(max_bytes, stream_limit):
        parts.append(b"")  # the newline of the last line
    return end, b"\n".join(parts)
