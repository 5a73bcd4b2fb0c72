"""Payload that a link can carry: its rate, less base64, JSON, HTTP, TLS, TCP and IP.

The measure is a reference request: the link needs about two seconds for it. It is made here, not by the bridge.
`calibrated_sender` sends the same requests one after the other, which shows that the link carries what is computed.
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
"""The default of `max_record_bytes`: one PUT payload unit."""

HEAD_BYTES = 690
"""HTTP head of a PutRecords request as botocore signs and sends it, without a session token."""

TLS_RECORD_BYTES, TLS_OVERHEAD_BYTES = 16_384, 22
"""TLS 1.3: header, content type and tag. https://www.rfc-editor.org/rfc/rfc8446#section-5.2"""

PLAIN_SHARE = 0.7
"""Payload per byte on the link, roughly: how many messages to begin with."""

KEYS = 50
STREAM = "thin-0"


@dataclass(frozen=True)
class Shape:
    """The form of what is sent. `header_bytes`: what the link charges for each TCP segment."""

    packing: str
    message_bytes: int
    tls: bool
    header_bytes: int


def message(number: int, size: int) -> bytes:
    """Return message `number`: JSON of exactly `size` bytes, its number first, and its key."""
    head = b'{"n":%d,"machine":"%b","values":"' % (number, key_of(number).encode())
    return head + b"0123456789"[: (size - len(head) - 2) % 10] + b"0123456789" * ((size - len(head) - 2) // 10) + b'"}'


def key_of(number: int) -> str:
    return f"m{number % KEYS:02d}"


def plain(messages: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Return one record for each message."""
    return list(messages)


def lines(messages: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Return records of newline-delimited messages, each with a key of its own."""
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
    """Return how many messages a reference request holds."""
    count = max(1, int(min(rate * REFERENCE_SECS, MAX_REQUEST_BYTES) * PLAIN_SHARE / shape.message_bytes))
    return min(count, MAX_REQUEST_RECORDS) if shape.packing == "none" else count


def payload_share(shape: Shape, rate: float) -> float:
    """Return the part of the link's bytes that is payload, when reference requests are sent."""
    count = reference_messages(shape, rate)
    body = body_of(STREAM, shape.packing, numbered(0, count, shape.message_bytes))
    return count * shape.message_bytes / on_the_link(HEAD_BYTES + len(body), shape)


def carried(shape: Shape, rate: float) -> float:
    """Return the payload bytes a second that a link of `rate` bytes a second can carry."""
    return rate * payload_share(shape, rate)


def on_the_link(size: int, shape: Shape) -> int:
    """Return the bytes that `size` bytes of HTTP occupy on the link."""
    if shape.tls:
        size += -(-size // TLS_RECORD_BYTES) * TLS_OVERHEAD_BYTES
    return size + -(-size // SEGMENT_BYTES) * shape.header_bytes


def _grouped(messages, overhead):
    """Divide messages into groups that fit one record each."""
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
