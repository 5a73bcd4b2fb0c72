"""What consumers do: the records within a packed one, for those who prove that all are there.

KPL aggregation: see kpl_aggregation.py. Lines: newline-delimited, perhaps compressed with gzip or zstd.
"""

from __future__ import annotations

from hashlib import md5
from typing import TYPE_CHECKING

from bridge.errors import DecodeError
from bridge.kinesis.packing.kpl_aggregation import FRAME_BYTES, MAGIC
from bridge.payloads.compression import decompressor

if TYPE_CHECKING:
    from collections.abc import Iterator

_DIGEST_BYTES = 16
MOST_BYTES = 256 * 1024 * 1024
_decompressed = decompressor("auto", MOST_BYTES)


def unpacked(data: bytes) -> Iterator[bytes]:
    """The records in one record of a stream; itself, where nothing is packed in it."""
    if data.startswith(MAGIC) and len(data) > FRAME_BYTES:
        body = data[len(MAGIC) : -_DIGEST_BYTES]
        if md5(body, usedforsecurity=False).digest() == data[-_DIGEST_BYTES:]:
            yield from _aggregated(body)
            return
    try:
        data = _decompressed(data)
    except DecodeError:
        yield data  # not ours: who writes into a stream may be anybody
        return
    yield from data.splitlines() if b"\n" in data else (data,)


def _aggregated(body: bytes) -> Iterator[bytes]:
    """Field 3 of the message are the records, and field 3 of those their data."""
    for number, content in _fields(body):
        if number == 3:  # noqa: PLR2004 - the format's
            yield from (data for inner, data in _fields(content) if inner == 3)  # noqa: PLR2004 - as above


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """(number, content) of the fields that have a length; varints are passed over."""
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
