"""`envelope: true`: a record with what a consumer needs to know of it, made once, so that every copy is the same bytes,
`late` aside.

    {"id": "5f3a9c0e-0001-00000000001a", "received_at": "2023-11-14T22:13:20.000Z", "mapping": "press-telemetry",
     "version": "9f86d081884c", "topic": "factory/pdx/line3/press07/telemetry", "data": ...}

id       one of a kind, and the same in every copy of the record that the bridge sends: to remove repetitions. The
         spool's own id, the queue's number, and the record's in that queue, in hexadecimal: within a queue they have no
         gaps, so that what is missing can be told (bridge/ingest/manifest_writer.py). The spool gives it: see
         `UnnumberedEnvelope`
late     true where `kinesis.backlog: live_first` sent others before it, else not there. The spool adds it, when it
         reads the record back (bridge/spool/queue/live_first_queue.py)
version  the first 12 digits of the SHA-256 of the mapping's file, as `sha256sum` shows it
data     the record as it would be without the envelope
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from bridge.model import UnnumberedEnvelope

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.mapping.pipeline.scope import Scope

NAMES = frozenset({"topic", "received_at"})
"""What an envelope takes from the scope."""

VERSION_DIGITS = 12
_BEFORE_DATA = b',"data":'


def envelopes(mapping: str, version: str) -> Callable[[Scope, bytes], bytes]:
    """Give what puts JSON into an envelope."""
    of_mapping = b'","mapping":%b,"version":%b,"topic":' % (orjson.dumps(mapping), orjson.dumps(version))

    def envelope(scope: Scope, data: bytes) -> bytes:
        at, topic = scope["received_at"].encode(), orjson.dumps(scope["topic"])
        head = b'%b","received_at":"%b' % (UnnumberedEnvelope.UNNUMBERED, at)
        return UnnumberedEnvelope(b"".join((head, of_mapping, topic, _BEFORE_DATA, data, b"}")))

    return envelope


def content(data: bytes) -> bytes:
    """What is in an envelope."""
    # In none of the texts before it can these bytes stand: JSON writes a quote within text as \".
    return data[data.index(_BEFORE_DATA) + len(_BEFORE_DATA) : -1]
