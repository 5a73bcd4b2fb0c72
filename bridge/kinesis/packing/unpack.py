"""Records within a packed record, as a consumer extracts them. `prove` uses this to check that all arrived.

KPL aggregation: see kpl_aggregation.py. Lines: newline-delimited, uncompressed or compressed with gzip or zstd.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.errors import DecodeError
from bridge.kinesis.packing.kpl_aggregation import MAGIC, is_aggregate
from bridge.payloads.compression import decompressor

if TYPE_CHECKING:
    from collections.abc import Iterator

_DIGEST_BYTES = 16
MOST_BYTES = 256 * 1024 * 1024
_decompressed = decompressor("auto", MOST_BYTES)


def unpacked(data: bytes) -> Iterator[bytes]:
    """Yield the records in one record of a stream; the data itself if nothing is packed in it."""
    if is_aggregate(data):
        yield from _aggregated(data[len(MAGIC) : -_DIGEST_BYTES])
        return
    try:
        data = _decompressed(data)
    except DecodeError:
        yield data  # not a record of the bridge: other producers may write to the stream
        return
    yield from data.splitlines() if b"\n" in data else (data,)


def _aggregated(body: bytes) -> Iterator[bytes]:
    """Yield the data of each record: field 3 of the message is a record, and field 3 of a record is its data."""
    for number, content in _fields(body):
        if number == 3:  # noqa: PLR2004 - the format's
            yield from (data for inner, data in _fields(content) if inner == 3)  # noqa: PLR2004 - as above


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (number, content) of the length-delimited fields; skip varints."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        value, at = _varint(message, at)
        if tag & 7 == 2:  # noqa: PLR2004 - protobuf's wire type for bytes
            yield tag >> 3, message[at : at + value]
            at += value


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message):
        octet = message[at]
        at += 1
        value |= (octet & 0x7F) << shift
        shift += 7
        if octet < 0x80:  # noqa: PLR2004 - protobuf's mark of the last octet
            break
    return value, at
