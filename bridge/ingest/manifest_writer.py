"""Manifests: records in a separate stream that list which records another stream contains.

With manifests, a consumer in the cloud can prove that no record is missing. The records of an output with `envelope:
true` have ids. Each id contains the spool, the queue and a record number, and the numbers of a queue have no gaps. A
manifest covers one range of record numbers: each record of the range is in the stream, or the manifest lists it as an
exception with a reason.

    {"manifest": 1, "bridge": "press-shop", "spool": "5f3a9c0e", "queue": 1, "stream": "factory-archive", "since": 1,
     "first": 1001, "last": 2000, "except": [{"first": 1017, "last": 1017, "reason": "dead_lettered"}],
     "checksum": "9f86d081884c7d65", "at": "2026-01-31T12:00:00.000Z"}

The manifests of one spool and queue are contiguous: the `first` of each manifest is one more than the `last` of the
previous manifest. In all of them, `since` is the `first` of the oldest manifest. So a consumer can detect that any
manifest is missing, even the oldest. The transaction that stores a manifest as a record also stores the number at which
the next manifest begins, so that no number is omitted if the process is killed. `checksum` covers the content of all
records from first to last without the exceptions (bridge/spool/queue/record_checksum.py). A manifest has no `checksum`
if a damaged spool has lost it. The reasons of exceptions are dead_lettered, dropped, and "no envelope" (a record of an
output without `envelope`, or a replayed record).
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
"""Name under which the ledger counts manifests in place of a mapping. No mapping file can have this name."""


class ManifestSettings(Section):
    """Manifests: records that list which records a stream contains."""

    data_stream: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.-]{1,128}$"), Describe("the name of a data stream")] = (
        Field(description="name of the stream for the manifests")
    )
    every_secs: int = Field(
        default=60, ge=1, le=86_400, description="interval of the manifests, if there are new records"
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
        """Start manifests for every queue of these mappings with enveloped records.

        Once started, the manifests of a queue never end. Raises SpoolWriteError.
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
            # Store `since` first. After a crash in between, this method stores both values again.
            self._spool.set_meta(_since(queue), str(queue.next))
            self._spool.set_meta(_key(queue), str(queue.next))

    def fill(self, transaction: Transaction, now_ms: int) -> bool:
        """Add the manifests that are due to an empty transaction. Return whether there are any."""
        # A negative difference means that the clock was set back. The manifests are then due at once.
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
        # Write no manifest if not even the first run of records is settled.
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
            # Cut off the parts of a range of exceptions that are outside the manifest.
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
        """Return the number after the last record of the manifest that begins at `first`, and its checksum.

        All records below the number `settled` are settled. A checksum is only known for a complete run of records. So a
        manifest ends with a run whose records are all settled. The checksum is None if it is unknown.
        """
        runs = self._spool.reading.checksum_runs(queue, settled)
        if not runs or runs[0].first > first:
            # The checksum of the first records is missing: an older version of the program wrote them, or a damaged
            # spool lost it. Their manifest has no checksum.
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
