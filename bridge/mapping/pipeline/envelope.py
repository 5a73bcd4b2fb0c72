"""`envelope: true`: a JSON object around a record, with the data that consumers need to identify it.

The envelope is created once, so that every copy of the record has the same bytes, except for `late`.

    {"id": "5f3a9c0e-0001-00000000001a", "received_at": "2023-11-14T22:13:20.000Z", "mapping": "press-telemetry",
     "version": "9f86d081884c", "topic": "factory/pdx/line3/press07/telemetry", "data": ...}

id       unique, and the same in every copy of the record that the bridge sends: consumers remove duplicates by it. It
         consists of the spool's id, the queue's number, and the record's number in that queue, in hexadecimal. Numbers
         within a queue have no gaps, so that missing records can be found (bridge/ingest/manifest_writer.py). The
         spool fills it in: see `UnnumberedEnvelope`
late     true if `kinesis.backlog: live_first` sent other records before it, else absent. The spool adds it when it
         reads the record back (bridge/spool/queue/live_first_queue.py)
version  the first 12 digits of the SHA-256 of the mapping's file, as `sha256sum` prints it
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
"""Names that an envelope uses from the scope."""

VERSION_DIGITS = 12
_BEFORE_DATA = b',"data":'


def envelopes(mapping: str, version: str) -> Callable[[Scope, bytes], bytes]:
    """Return the function that puts a record's JSON into an envelope. `version` is the digest of the mapping's file."""
    # Encode the part that all records of the mapping share only once.
    of_mapping = b'","mapping":%b,"version":%b,"topic":' % (orjson.dumps(mapping), orjson.dumps(version))

    def envelope(scope: Scope, data: bytes) -> bytes:
        at, topic = scope["received_at"].encode(), orjson.dumps(scope["topic"])
        head = b'%b","received_at":"%b' % (UnnumberedEnvelope.UNNUMBERED, at)
        return UnnumberedEnvelope(b"".join((head, of_mapping, topic, _BEFORE_DATA, data, b"}")))

    return envelope


def content(data: bytes) -> bytes:
    """Return the record in an envelope."""
    # The texts before the data cannot contain these bytes, because JSON escapes a quote within a text as \".
    return data[data.index(_BEFORE_DATA) + len(_BEFORE_DATA) : -1]
