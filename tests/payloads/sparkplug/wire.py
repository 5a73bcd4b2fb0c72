"""Payloads of Sparkplug B as an edge node encodes them, field by field."""

import struct

from bridge.model import Message

NOW_MS = 1_700_000_000_000
DOUBLE, INT32, INT64, UINT64, BOOLEAN, STRING = 10, 3, 4, 8, 11, 12


def varint(number):
    groups = []
    while number > 127:
        groups.append(number & 127 | 128)
        number >>= 7
    return bytes([*groups, number])


def tag(number, wire_type):
    return varint(number << 3 | wire_type)


def integer(number, value):
    return tag(number, 0) + varint(value % 2**64)


def part(number, data):
    data = data.encode() if isinstance(data, str) else data
    return tag(number, 2) + varint(len(data)) + data


def double(number, value):
    return tag(number, 1) + struct.pack("<d", value)


def single(number, value):
    return tag(number, 5) + struct.pack("<f", value)


def property_set(**properties):
    """Each as its encoded PropertyValue."""
    return b"".join(part(1, key) for key in properties) + b"".join(part(2, each) for each in properties.values())


def metric(name=None, value=b"", *, alias=None, datatype=None, at=NOW_MS, more=b""):
    """`value` is the encoded field of the value, or an int or float that is encoded."""
    if isinstance(value, float):
        value = double(13, value)
    elif isinstance(value, int):
        value = integer(11, value)
    head = b"" if name is None else part(1, name)
    for number, each in ((2, alias), (3, at), (4, datatype)):
        head += b"" if each is None else integer(number, each)
    return head + more + value


def payload(*metrics, seq=None, at=NOW_MS, more=b""):
    head = b"" if at is None else integer(1, at)
    body = b"".join(part(2, each) for each in metrics)
    return head + body + (b"" if seq is None else integer(3, seq)) + more


def message(path, data=b"", *, received_at_ms=NOW_MS):
    return Message(f"spBv1.0/{path}", data, 0, False, received_at_ms)
