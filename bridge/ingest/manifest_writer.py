"""Manifests: records of a stream of their own that tell which records other streams hold, so that the cloud side can
prove that nothing is missing.

The records of an output with `envelope: true` have ids that count up without a gap, by spool and queue. A manifest
tells one run of them that is complete: each is in the stream, or stands among the exceptions with the reason.

    {"manifest": 1, "bridge": "press-shop", "spool": "5f3a9c0e", "queue": 1, "stream": "factory-archive", "since": 1,
     "first": 1001, "last": 2000, "except": [{"first": 1017, "last": 1017, "reason": "dead_lettered"}],
     "at": "2026-01-31T12:00:00.000Z"}

Manifests of one spool and queue follow on one another: the next one's `first` is this one's `last` + 1, and the `first`
of the very first is the `since` of all, so that one that is missing is noticed, wherever it was. How far they
have come is noted in the transaction that spools them, so that no number is ever left out, whenever the process is
killed. Exceptions: dead_lettered, dropped, and "no envelope" (a record of another output, or one that was replayed).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

from bridge.timestamps import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.mapping.mapping import Mapping
    from bridge.spool.database.transaction import Transaction
    from bridge.spool.queue.stream_queue import StreamQueue
    from bridge.spool.store import Spool

MAPPING: Final = "(manifest)"
"""In the books; no mapping's file can have that name."""


class ManifestOptions(NamedTuple):
    """Where manifests go, and how often."""

    data_stream: str
    every_secs: float


class ManifestWriter:
    """Belongs to the ingest thread."""

    def __init__(self, spool: Spool, bridge: str, options: ManifestOptions) -> None:
        self._spool = spool
        self._bridge = bridge
        self._stream = options.data_stream
        self._every_ms = int(options.every_secs * 1000)
        self._at_ms = 0

    def cover(self, mappings: Iterable[Mapping]) -> None:
        """These mappings are in force: their queues are told of, if their records have ids; once covered, for good."""
        self._spool.queue(self._stream)  # so that it has its sender
        outputs = (output for mapping in mappings for output in mapping.outputs if output.envelope)
        for name in {str(output.destination) for output in outputs}:
            self._begin(self._spool.queue(name))
        for queue in self._spool.queues.values():
            queue.covered = bool(self._spool.get_meta(_key(queue)))

    def _begin(self, queue: StreamQueue) -> None:
        """From the next record on: those before have no ids that anybody was told of."""
        if not self._spool.get_meta(_key(queue)):
            self._spool.set_meta(_since(queue), str(queue.next))
            self._spool.set_meta(_key(queue), str(queue.next))

    def fill(self, transaction: Transaction, now_ms: int) -> bool:
        """Put what is complete by now into an empty transaction, if it is time to; whether there is anything."""
        if 0 <= now_ms - self._at_ms < self._every_ms:
            return False
        self._at_ms = now_ms
        covered = [queue for queue in self._spool.queues.values() if queue.covered and queue.stream != self._stream]
        news = [self._tell(queue, transaction, now_ms) for queue in covered]
        return any(news)

    def _tell(self, queue: StreamQueue, transaction: Transaction, now_ms: int) -> bool:
        first, before = int(self._spool.get_meta(_key(queue))), self._spool.reading.first_waiting(queue)
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
            "except": [
                {"first": max(low, first), "last": min(high, before - 1), "reason": reason}
                for low, high, reason in self._spool.reading.exceptions(queue, before)
                if high >= first
            ],
            "at": rfc3339(now_ms),
        }
        key = f"{self._bridge} {queue.stream}"[:256]
        self._spool.queue(self._stream).append(self._spool.mapping_number(MAPPING), key, orjson.dumps(manifest))
        transaction.meta[_key(queue)] = str(before)
        transaction.manifested[queue.number] = before
        return True


def _key(queue: StreamQueue) -> str:
    return f"manifest {queue.number}"


def _since(queue: StreamQueue) -> str:
    return f"manifests since {queue.number}"
