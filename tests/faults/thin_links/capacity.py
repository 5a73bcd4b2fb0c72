"""Capacity of a link for payload: its rate without base64, JSON, and the headers of HTTP, TLS, TCP and IP.

The capacity is computed for a reference request, which occupies the link for about two seconds. This module creates the
reference request, without code of the bridge. `calibrated_sender` sends reference requests one after the other, and so
verifies the computed capacity.
"""

import hashlib
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.faults.thin_links.proxy import SEGMENT_BYTES

REFERENCE_SECS = 2.0
MAX_REQUEST_RECORDS = 500
MAX_REQUEST_BYTES = 1_000_000
MAX_RECORD_BYTES = 25_600
"""Default of `max_record_bytes`: one PUT payload unit."""

HEAD_BYTES = 690
"""HTTP head of a PutRecords request as botocore signs it, without a session token."""

TLS_RECORD_BYTES, TLS_OVERHEAD_BYTES = 16_384, 22
"""Bytes that TLS 1.3 adds to a record: header, content type and tag. https://www.rfc-editor.org/rfc/rfc8446#section-5.2
"""

PLAIN_SHARE = 0.7
"""Approximate payload per byte on the link, from which the search for the right number of messages begins."""

KEYS = 50
STREAM = "thin-0"


@dataclass(frozen=True)
class Shape:
    """Kind of messages and requests on a link. `header_bytes` is the size of the headers of each TCP segment."""

    packing: str
    message_bytes: int
    tls: bool
    header_bytes: int


def message(number: int, size: int) -> bytes:
    """Return message `number` and its partition key.

    The message is JSON of exactly `size` bytes, and begins with its number.
    """
    head = b'{"n":%d,"machine":"%b","values":"' % (number, key_of(number).encode())
    return head + b"0123456789"[: (size - len(head) - 2) % 10] + b"0123456789" * ((size - len(head) - 2) // 10) + b'"}'


def key_of(number: int) -> str:
    return f"m{number % KEYS:02d}"


def plain(messages: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Return one record for each message."""
    return list(messages)


def lines(messages: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Return records of newline-delimited messages, each record with a different key."""
    groups = _grouped(messages, 1)
    return [(f"{number:032d}", b"".join(data + b"\n" for _, data in group)) for number, group in enumerate(groups)]


def aggregated(messages: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Return records in the KPL's aggregation format.

    https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md
    """
    return [_aggregate(group) for group in _grouped(messages, 9)]


PACKINGS: dict[str, Callable[[Sequence[tuple[str, bytes]]], list[tuple[str, bytes]]]] = {
    "none": plain,
    "kpl": aggregated,
    "lines": lines,
}


def body_of(stream: str, packing: str, messages: Sequence[tuple[str, bytes]]) -> bytes:
    """Return the body of a PutRecords request with these messages, each (key, data)."""
    records = (
        b'{"Data":"%b","PartitionKey":"%b"}' % (b64encode(data), key.encode())
        for key, data in PACKINGS[packing](messages)
    )
    return b'{"StreamName":"%b","Records":[%b]}' % (stream.encode(), b",".join(records))


def numbered(first: int, count: int, size: int) -> list[tuple[str, bytes]]:
    """Return messages `first` to `first + count - 1` with their keys."""
    return [(key_of(number), message(number, size)) for number in range(first, first + count)]


def reference_messages(shape: Shape, rate: float) -> int:
    """Return the number of messages in a reference request."""
    count = max(1, int(min(rate * REFERENCE_SECS, MAX_REQUEST_BYTES) * PLAIN_SHARE / shape.message_bytes))
    return min(count, MAX_REQUEST_RECORDS) if shape.packing == "none" else count


def payload_share(shape: Shape, rate: float) -> float:
    """Return the share of payload in the bytes on the link while reference requests are sent."""
    count = reference_messages(shape, rate)
    body = body_of(STREAM, shape.packing, numbered(0, count, shape.message_bytes))
    return count * shape.message_bytes / on_the_link(HEAD_BYTES + len(body), shape)


def carried(shape: Shape, rate: float) -> float:
    """Return the payload in bytes per second that a link with this rate can carry. `rate` is in bytes per second."""
    return rate * payload_share(shape, rate)


def on_the_link(size: int, shape: Shape) -> int:
    """Return the bytes that `size` bytes of HTTP occupy on the link."""
    if shape.tls:
        size += -(-size // TLS_RECORD_BYTES) * TLS_OVERHEAD_BYTES
    return size + -(-size // SEGMENT_BYTES) * shape.header_bytes


def _grouped(messages, overhead):
    """Divide messages into groups, so that each group fits into one record."""
    groups: list[list[tuple[str, bytes]]] = [[]]
    size = 0
    for item in messages:
        size += len(item[1]) + overhead
        if size > MAX_RECORD_BYTES - 1_024 and groups[-1]:
            groups.append([])
            size = len(item[1]) + overhead
        groups[-1].append(item)
    return groups


def _aggregate(group):
    keys = list(dict.fromkeys(key for key, _ in group))
    parts = [b"\x0a" + _varint(len(key)) + key.encode() for key in keys]
    for key, data in group:
        inner = b"\x08" + _varint(keys.index(key)) + b"\x1a" + _varint(len(data)) + data
        parts.append(b"\x1a" + _varint(len(inner)) + inner)
    content = b"".join(parts)
    return group[0][0], b"\xf3\x89\x9a\xc2" + content + hashlib.md5(content).digest()


def _varint(number):
    octets = bytearray()
    while number > 127:
        octets.append(number & 127 | 128)
        number >>= 7
    return bytes(octets) + bytes([number])
