"""Comparison of the records in data streams with the manifests. The caller reads the streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.errors import BridgeError
from bridge.spool.queue.record_checksum import id_of
from bridge.tools.proof.manifest import MAX_NUMBER, QueueId, parse_manifest
from bridge.tools.proof.queue_proof import QueueProof

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.model import Destination
    from bridge.tools.proof.queue_proof import QueueVerdict

MAX_BLOCKS: Final = 200_000
"""Maximum number of blocks in the number sets of all queues: 1.6 billion numbers, which need at most 220 MB."""
MAX_MANIFESTS: Final = 1_000_000
"""Maximum number of manifests: 100 queues with one manifest a minute for a week. They need about 500 MB."""


class ProofTooLarge(BridgeError):
    """Error: the streams contain more than can be checked in bounded memory."""


class Verifier:
    """Verifier that compares records with manifests. Only one thread may use it.

    `wanted` returns whether a destination belongs to the proof. Manifests of other destinations are ignored. `others`
    is the number of records without an id. `invalid` is the number of records in the manifests' stream that are not
    manifests.
    """

    def __init__(self, wanted: Callable[[Destination], bool] = lambda _destination: True) -> None:
        self._wanted = wanted
        self._queues: dict[QueueId, QueueProof] = {}
        self._blocks = self._manifests = 0
        self.others = self.invalid = 0

    def add_manifest(self, data: bytes) -> None:
        """Add a record of the manifests' stream. Raise ProofTooLarge if there are more than MAX_MANIFESTS manifests."""
        manifest = parse_manifest(data)
        if manifest is None:
            self.invalid += 1
        elif self._wanted(manifest.destination):
            # Count only stored manifests, because the limit bounds the memory.
            self._manifests += 1
            if self._manifests > MAX_MANIFESTS:
                raise ProofTooLarge(f"more than {MAX_MANIFESTS:,} manifests")
            self._queue(manifest.queue).add_manifest(manifest)

    def add_record(self, data: bytes) -> None:
        """Add an unpacked record of a data stream. Raise ProofTooLarge if there are more than MAX_BLOCKS blocks."""
        found = id_of(data)
        if found is None or not 0 < found[2] <= MAX_NUMBER:
            self.others += 1
            return
        queue = self._queue(QueueId(*found[:2]))
        # A record adds at most one block. So count new blocks: adding up the blocks of all queues would take too long.
        blocks = queue.numbers.blocks
        queue.add_record(found[2], data)
        if queue.numbers.blocks != blocks:
            self._blocks += 1
            if self._blocks > MAX_BLOCKS:
                raise ProofTooLarge(
                    f"the ids in the stream are scattered over more than {MAX_BLOCKS:,} blocks of numbers"
                )

    def add_discarded(self, data: bytes) -> None:
        """Count a record that no consumer receives, because the Kinesis Client Library discards it."""
        found = id_of(data)
        queue = None if found is None else self._queues.get(QueueId(*found[:2]))
        if queue is None:
            self.others += 1
        else:
            queue.discarded += 1

    @property
    def destinations(self) -> list[Destination]:
        """Destinations of all manifests, without repetitions, in no particular order."""
        newest = (queue.manifests[-1] for queue in self._queues.values() if queue.manifests)
        return list({manifest.stream: manifest.destination for manifest in newest}.values())

    def verdicts(self, retained_since: str = "") -> Iterator[QueueVerdict]:
        """Yield a verdict for each queue with manifests, in the order of the queues.

        Records from before `retained_since` (RFC 3339, UTC) may have expired. It is "" if no record can have expired.
        """
        for queue in sorted(self._queues):
            if self._queues[queue].manifests:
                yield self._queues[queue].verdict(retained_since)

    def without_manifest(self) -> dict[QueueId, int]:
        """Return, for each queue that has records but no manifest, the number of different records."""
        return {
            queue: proof.numbers.size
            for queue, proof in self._queues.items()
            if proof.numbers.size and not proof.manifests
        }

    def _queue(self, queue: QueueId) -> QueueProof:
        found = self._queues.get(queue)
        if found is None:
            found = self._queues[queue] = QueueProof(queue)
        return found

    def stored(self) -> dict[str, Any]:
        """Return the verifier as JSON values."""
        return {
            "others": self.others,
            "invalid": self.invalid,
            "queues": [proof.stored() for proof in self._queues.values()],
        }

    def restore(self, stored: dict[str, Any]) -> None:
        """Restore the state that `stored` returned. Raise KeyError, TypeError or ValueError if it is invalid."""
        proofs = [QueueProof.of(each) for each in stored["queues"]]
        self._queues = {proof.queue: proof for proof in proofs}
        self._blocks = sum(proof.numbers.blocks for proof in proofs)
        self._manifests = sum(len(proof.manifests) for proof in proofs)
        self.others, self.invalid = stored["others"], stored["invalid"]
