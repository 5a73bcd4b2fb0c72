"""Envelopes (`envelope: true`): a JSON object around each record, with which consumers can identify the record.

The envelope is created when the record is created. If the record is sent several times, all copies have the same bytes.
Only the member `late` may differ.

    {"id": "5f3a9c0e-0001-00000000001a", "received_at": "2023-11-14T22:13:20.000Z", "mapping": "press-telemetry",
     "version": "9f86d081884c", "topic": "factory/pdx/line3/press07/telemetry", "data": ...}

id       identifies the record. Each copy of the record has the same id, so consumers use it to remove duplicates. The
         id consists of the spool's id, the queue's number, and the record's number in the queue, in hexadecimal. The
         numbers in a queue have no gaps, so missing records can be found (bridge/ingest/manifest_writer.py). The
         mapping does not know the id, so the spool inserts it: see `UnnumberedEnvelope`
late     true if `kinesis.backlog: live_first` has sent newer records before this record, else absent. The spool adds
         `late` when it reads the record from disk (bridge/spool/queue/live_first_queue.py)
version  the first 12 digits of the SHA-256 of the mapping file, as printed by `sha256sum`
data     the record without the envelope
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from bridge.model import UnnumberedEnvelope

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.mapping.pipeline.scope import Scope

NAMES = frozenset({"topic", "received_at"})
"""Names of the scope whose values an envelope contains."""

VERSION_DIGITS = 12
_BEFORE_DATA = b',"data":'


def envelopes(mapping: str, version: str) -> Callable[[Scope, bytes], bytes]:
    """Return the function that puts a record's JSON into an envelope. `version` is the version of the mapping file."""
    # These members are the same in all records of the mapping, so encode them only once.
    of_mapping = b'","mapping":%b,"version":%b,"topic":' % (orjson.dumps(mapping), orjson.dumps(version))

    def envelope(scope: Scope, data: bytes) -> bytes:
        at, topic = scope["received_at"].encode(), orjson.dumps(scope["topic"])
        head = b'%b","received_at":"%b' % (UnnumberedEnvelope.UNNUMBERED, at)
        return UnnumberedEnvelope(b"".join((head, of_mapping, topic, _BEFORE_DATA, data, b"}")))

    return envelope


def content(data: bytes) -> bytes:
    """Return the record that an envelope contains."""
    # The bytes `,"data":` cannot occur before the data, because JSON escapes a quote within a text as \".
    return data[data.index(_BEFORE_DATA) + len(_BEFORE_DATA) : -1]
