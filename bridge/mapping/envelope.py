"""`envelope: true`: a record with what a consumer needs to know of it, made once, so that every copy is the same bytes.

    {"id": "5f3a9c0e1b7d2468-1a", "received_at": "2023-11-14T22:13:20.000Z", "mapping": "press-telemetry",
     "version": "9f86d081884c", "topic": "factory/pdx/line3/press07/telemetry", "data": ...}

id       one of a kind, and the same in every copy of the record that the bridge sends: to remove repetitions
version  the first 12 digits of the SHA-256 of the mapping's file, as `sha256sum` shows it
data     the record as it would be without the envelope
"""

from __future__ import annotations

import secrets
from itertools import count
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.mapping.scope import Scope

NAMES = frozenset({"topic", "received_at"})
"""What an envelope takes from the scope."""

VERSION_DIGITS = 12
_BEFORE_DATA = b',"data":'


def envelopes(mapping: str, version: str) -> Callable[[Scope, bytes], bytes]:
    """Give what puts JSON into an envelope; each such function has numbers of its own."""
    numbers, run = count(1), secrets.token_hex(8).encode()
    of_mapping = b'","mapping":%b,"version":%b,"topic":' % (orjson.dumps(mapping), orjson.dumps(version))

    def envelope(scope: Scope, data: bytes) -> bytes:
        at, topic = scope["received_at"].encode(), orjson.dumps(scope["topic"])
        head = b'{"id":"%b-%x","received_at":"%b' % (run, next(numbers), at)
        return b"".join((head, of_mapping, topic, _BEFORE_DATA, data, b"}"))

    return envelope


def content(data: bytes) -> bytes:
    """What is in an envelope."""
    # In none of the texts before it can these bytes stand: JSON writes a quote within text as \".
    return data[data.index(_BEFORE_DATA) + len(_BEFORE_DATA) : -1]
