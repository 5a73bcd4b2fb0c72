"""Manifests: records in a separate stream that list which records another stream contains.

With manifests, a consumer in the cloud can prove that no record is missing. Each record of an output with `envelope:
true` has an id, which contains the spool, the queue and a record number. The numbers of a queue have no gaps. A
manifest covers a range of record numbers, `first` to `last`. Each record of this range is in the stream, or is listed
in the manifest as an exception with a reason.

    {"manifest": 1, "bridge": "press-shop", "spool": "5f3a9c0e", "queue": 1, "stream": "factory-archive", "since": 1,
     "first": 1001, "last": 2000, "except": [{"first": 1017, "last": 1017, "reason": "dead_lettered"}],
     "checksum": "9f86d081884c7d65", "at": "2026-01-31T12:00:00.000Z"}

The manifests of one spool and queue are contiguous: the `first` of a manifest is the `last` of the previous manifest
plus 1. In all manifests of a queue, `since` is the `first` of the oldest manifest. So a consumer can detect any missing
manifest, even the oldest one.

The transaction that stores a manifest also stores the number at which the next manifest begins. So the manifests stay
contiguous even if the process is killed.

`checksum` is the checksum of all records from `first` to `last` without the exceptions
(bridge/spool/queue/record_checksum.py). It is omitted if it was lost in a damaged spool.

An exception has one of these reasons:

- dead_lettered: the record has become a dead letter.
- dropped: the record was dropped.
- no envelope: the record has no envelope, because it was replayed, or its output has no `envelope`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import orjson
from pydantic import Field

from bridge.spool.queue.record_checksum import checksum_text
from bridge.timestamps import rfc3339
from bridge.yaml_files import Describe
from bridge.yaml_files.option_types import Section

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.mapping.mapping import Mapping
    from bridge.spool.database.transaction import Transaction
    from bridge.spool.queue.stream_queue import StreamQueue
    from bridge.spool.store import Spool

MAPPING: Final = "(manifest)"
"""Name that the ledger contains as the mapping of manifests. No mapping file can have this name."""


class ManifestSettings(Section):
    """Manifests: records that list which records a stream contains."""

    data_stream: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.-]{1,128}$"), Describe("the name of a data stream")] = (
        Field(description="name of the stream for the manifests")
    )
    every_secs: int = Field(
        default=60,
        ge=1,
        le=86_400,
        description="interval of the manifests in seconds; without new records, no manifest is written",
    )


class ManifestWriter:
    """Writer of the manifests of one spool. Only the ingest thread uses it."""

    def __init__(self, spool: Spool, bridge: str, options: ManifestSettings) -> None:
        self._spool = spool
        self._bridge = bridge
        self._stream = options.data_stream
        self._every_ms = options.every_secs * 1000
        self._at_ms = 0

    def cover(self, mappings: Iterable[Mapping]) -> None:
        """Start manifests for every queue of these mappings that has records with envelopes.

        The manifests of a queue continue even if its mappings are removed. Raises SpoolWriteError.
        """
        self._spool.queue(self._stream)  # creates the queue, so that the loop starts its sender
        outputs = (output for mapping in mappings for output in mapping.outputs if output.envelope)
        for name in {str(output.destination) for output in outputs}:
            self._begin(self._spool.queue(name))
        for queue in self._spool.queues.values():
            queue.covered = bool(self._spool.get_meta(_key(queue)))

    def _begin(self, queue: StreamQueue) -> None:
        """Start the manifests of a queue with its next record. Do nothing if the manifests were started before."""
        if not self._spool.get_meta(_key(queue)):
            # Store `since` first. If the process is killed before the second line, the next call stores both again.
            self._spool.set_meta(_since(queue), str(queue.next))
            self._spool.set_meta(_key(queue), str(queue.next))

    def fill(self, transaction: Transaction, now_ms: int) -> bool:
        """Add the manifests that are due. Return whether a manifest was added. `transaction` must be empty."""
        # A negative difference means that the clock was set back. Then write the manifests now.
        if 0 <= now_ms - self._at_ms < self._every_ms:
            return False
        self._at_ms = now_ms
        # The stream that contains the manifests has no manifests itself.
        covered = [queue for queue in self._spool.queues.values() if queue.covered and queue.stream != self._stream]
        news = [self._add_manifest(queue, transaction, now_ms) for queue in covered]
        return any(news)

    def _add_manifest(self, queue: StreamQueue, transaction: Transaction, now_ms: int) -> bool:
        first, settled = int(self._spool.get_meta(_key(queue))), self._spool.reading.first_waiting(queue)
        before, checksum = self._covered(queue, first, settled)
        # If the first run of records is not settled yet, write no manifest.
        if before <= first:
            return False
        manifest = {
            "manifest": 1,
            "bridge": self._bridge,
            "spool": self._spool.id.decode(),
            "queue": queue.number,
            "stream": queue.stream,
            "since": int(self._spool.get_meta(_since(queue)) or first),
            "first": first,
            "last": before - 1,
            # Only list the part of each exception that is in the range of this manifest.
            "except": [
                {"first": max(low, first), "last": min(high, before - 1), "reason": reason}
                for low, high, reason in self._spool.reading.exceptions(queue, before)
                if high >= first
            ],
            **({} if checksum is None else {"checksum": checksum_text(checksum)}),
            "at": rfc3339(now_ms),
        }
        # All manifests of a queue have the same partition key. Kinesis accepts keys of at most 256 characters.
        key = f"{self._bridge} {queue.stream}"[:256]
        self._spool.queue(self._stream).append(self._spool.mapping_number(MAPPING), key, orjson.dumps(manifest))
        transaction.meta[_key(queue)] = str(before)
        transaction.manifested[queue.number] = before
        return True

    def _covered(self, queue: StreamQueue, first: int, settled: int) -> tuple[int, int | None]:
        """Return the number after the last record of the manifest that begins at `first`, and the manifest's checksum.

        All records with numbers below `settled` are settled. A run is the group of records that one transaction has
        stored. The spool has one checksum for each run, so a manifest always ends with a complete run. The manifest's
        checksum is None if it is unknown.
        """
        runs = self._spool.reading.checksum_runs(queue, settled)
        if not runs or runs[0].first > first:
            # The checksum of the first records is missing, so their manifest has no checksum. It was lost in a damaged
            # spool, or an older version of the program has stored the records.
            return (runs[0].first if runs else settled), None
        before, checksum = first, 0
        for run in runs:
            if run.first != before or run.last >= settled:
                break
            before, checksum = run.last + 1, checksum ^ run.checksum
        return before, checksum


def _key(queue: StreamQueue) -> str:
    return f"manifest {queue.number}"


def _since(queue: StreamQueue) -> str:
    return f"manifests since {queue.number}"
