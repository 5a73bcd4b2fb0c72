"""Records and manifests of one queue, and the verdict on the queue.

A manifest covers a range of record numbers: the bridge has delivered the records with these numbers, except the numbers
that the manifest excludes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bridge.spool.queue.record_checksum import checksum_of
from bridge.tools.proof.manifest import Manifest, QueueId
from bridge.tools.proof.number_set import NumberSet

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_PENDING = 500_000
"""Maximum number of checksums stored for records that no manifest covers yet. Each checksum needs about 100 bytes.

If there are more such records, the proof checks that they exist, but not their content.
"""

# Maximum number of manifests that `add_manifest` compares with a new manifest.
_SAME_FIRST = 100

Spans = tuple[tuple[int, int], ...]


@dataclass(slots=True)
class QueueVerdict:
    """Result for one queue. Spans are pairs of numbers, both inclusive.

    until        time of the last manifest
    covered      numbers that manifests cover and that were checked
    excluded     numbers within the range of a manifest that the manifest excludes
    excluded_by  excluded numbers by reason; a number may have two reasons
    found        numbers of the records in the stream; a repeated number counts once
    repeated     records with a number that was found before
    discarded    records that the Kinesis Client Library discards: their aggregated record is on another shard
    missing      numbers that a manifest covers, but whose records a consumer of the stream does not receive
    altered      numbers of a manifest whose checksum differs from the checksum of the records found
    unchecked    numbers whose content was not checked, because the checksum of the manifest or of a record is missing,
                 or because the manifest overlaps another one
    uncovered    numbers that are in no manifest, although a later manifest exists
    overlapping  numbers that two different manifests cover, because the spool was restored from a copy
    expired      numbers that are covered, not found, and older than the stream's retention
    later        number of records after the last manifest
    awaited      numbers after the last manifest that are missing, although a record with a higher number was found
    """

    queue: QueueId
    bridge: str
    stream: str
    until: str
    covered: int = 0
    excluded: int = 0
    found: int = 0
    repeated: int = 0
    discarded: int = 0
    expired: int = 0
    unchecked: int = 0
    later: int = 0
    awaited: int = 0
    missing: Spans = ()
    altered: Spans = ()
    uncovered: Spans = ()
    overlapping: Spans = ()
    excluded_by: dict[str, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """True if all covered records are in the stream, unchanged, and manifests cover every number exactly once."""
        return not (self.missing or self.altered or self.uncovered or self.overlapping)


@dataclass(slots=True)
class QueueProof:
    """Findings on one queue: the numbers found, the manifests in order, and the checksum of each manifest's records."""

    queue: QueueId
    numbers: NumberSet = field(default_factory=NumberSet)
    repeated: int = 0
    discarded: int = 0
    manifests: list[Manifest] = field(default_factory=list)
    _checksums: list[int] = field(default_factory=list)
    # Checksums of records that no manifest covers yet, by number.
    _pending: dict[int, int] = field(default_factory=dict)
    # Numbers of records whose checksum was not stored, because there were more than MAX_PENDING.
    _unhashed: NumberSet = field(default_factory=NumberSet)

    def add_record(self, number: int, data: bytes) -> None:
        """Add a record of the stream. If its number was added before, only count it as a repetition."""
        # The bridge sends each record at least once, so a repetition is normal.
        if not self.numbers.add(number):
            self.repeated += 1
            return
        index = self._manifest_of(number)
        if index is not None:
            # An excluded record may be in the stream, for example if it was sent and the response was lost. The
            # manifest's checksum does not include this record.
            self._checksums[index] ^= 0 if _in_spans(self.manifests[index].excluded, number) else checksum_of(data)
        elif len(self._pending) < MAX_PENDING:
            self._pending[number] = checksum_of(data)
        else:
            # Store no more checksums, to bound the memory. The verdict reports the records without a checksum as
            # unchecked.
            self._unhashed.add(number)

    def add_manifest(self, manifest: Manifest) -> None:
        """Add a manifest. Ignore it if the same manifest was added before, because Kinesis may store a record twice."""
        # Only manifests with the same first number can be equal, so a few comparisons are enough.
        if manifest in self.manifests[bisect_left(self.manifests, manifest.first, key=_first) :][:_SAME_FIRST]:
            return
        index = bisect_right(self.manifests, manifest.first, key=_first)
        self.manifests.insert(index, manifest)
        self._checksums.insert(index, 0)
        for number in [number for number in self._pending if manifest.first <= number <= manifest.last]:
            # Checksums are combined by XOR, so the records may arrive in any order.
            checksum = self._pending.pop(number)
            self._checksums[index] ^= 0 if _in_spans(manifest.excluded, number) else checksum

    def _manifest_of(self, number: int) -> int | None:
        """Return the index of the manifest that covers a number, or None."""
        index = bisect_right(self.manifests, number, key=_first) - 1
        return index if index >= 0 and number <= self.manifests[index].last else None

    def verdict(self, retained_since: str) -> QueueVerdict:
        """Return the verdict on a queue with at least one manifest. For `retained_since`, see `Verifier.verdicts`."""
        newest = max(self.manifests, key=lambda manifest: manifest.last)
        verdict = QueueVerdict(self.queue, newest.bridge, newest.stream, newest.at)
        missing: list[tuple[int, int]] = []
        uncovered: list[tuple[int, int]] = []
        # `following` is the number after the last number that a manifest covers so far. At first, it is the first
        # number of the queue (`since`). If records may have expired, the first manifests may have expired too. In this
        # case, `following` is the first number of the oldest manifest that exists.
        oldest = self.manifests[0]
        following, before = (oldest.first if retained_since else oldest.since), ""
        for index, manifest in enumerate(self.manifests):
            if manifest.first > following:
                uncovered.append((following, manifest.first - 1))
            elif manifest.first < following and index:
                verdict.overlapping += ((manifest.first, min(manifest.last, following - 1)),)
            gaps = list(self._gaps(manifest))
            lacking = sum(high - low + 1 for low, high in gaps)
            # The records of a manifest were delivered after the time of the previous manifest (`before`). If `before`
            # is earlier than `retained_since`, the records may have expired, and are not reported as missing.
            expired = before < retained_since
            verdict.covered += manifest.last + 1 - manifest.first - (lacking if expired else 0)
            verdict.excluded += sum(high - low + 1 for low, high in manifest.excluded)
            for reason, count in manifest.reasons:
                verdict.excluded_by[reason] = verdict.excluded_by.get(reason, 0) + count
            verdict.expired += lacking if expired else 0
            missing += [] if expired else gaps
            self._check_content(verdict, index, lacking, overlaps=self._overlaps(index, following))
            following, before = max(following, manifest.last + 1), manifest.at
        verdict.missing, verdict.uncovered = tuple(missing), tuple(uncovered)
        verdict.found, verdict.repeated, verdict.discarded = self.numbers.size, self.repeated, self.discarded
        highest = self.numbers.highest
        verdict.later = self.numbers.count(following, highest) if highest >= following else 0
        # The record of a missing number may still be in flight. Only the next manifest shows whether it is lost.
        verdict.awaited = max(0, highest + 1 - following - verdict.later)
        return verdict

    def _overlaps(self, index: int, following: int) -> bool:
        """Return whether another manifest covers a number of this one. `following` is as in `verdict`."""
        manifest, next_one = self.manifests[index], self.manifests[index + 1 : index + 2]
        return (index > 0 and manifest.first < following) or any(each.first <= manifest.last for each in next_one)

    def _check_content(self, verdict: QueueVerdict, index: int, lacking: int, *, overlaps: bool) -> None:
        """Compare the checksum of a manifest with the checksum of its records, if all records were found."""
        manifest = self.manifests[index]
        span = (manifest.first, manifest.last)
        if lacking:
            return
        # Each record counts towards the checksum of only one manifest. So the checksums of manifests that overlap prove
        # nothing: comparing them would report unchanged records as altered.
        if overlaps or manifest.checksum is None or next(self._unhashed.runs(*span), None) is not None:
            verdict.unchecked += span[1] - span[0] + 1
        elif self._checksums[index] != manifest.checksum:
            verdict.altered += (span,)

    def _gaps(self, manifest: Manifest) -> Iterator[tuple[int, int]]:
        """Yield the spans of numbers that were not found, although a manifest covers them and does not exclude them."""
        first = manifest.first
        # The loop yields the gaps before each excluded span. The additional span after the last number makes it yield
        # the gaps at the end too.
        for low, high in (*manifest.excluded, (manifest.last + 1, manifest.last + 1)):
            if low > first:
                yield from self.numbers.gaps(first, low - 1)
            first = high + 1

    def stored(self) -> dict[str, Any]:
        """Return the proof as JSON values."""
        return {
            "queue": list(self.queue),
            "numbers": self.numbers.stored(),
            "repeated": self.repeated,
            "discarded": self.discarded,
            "manifests": [[list(manifest.queue), *manifest[1:]] for manifest in self.manifests],
            "checksums": self._checksums,
            "pending": [[number, checksum] for number, checksum in self._pending.items()],
            "unhashed": self._unhashed.stored(),
        }

    @classmethod
    def of(cls, stored: dict[str, Any]) -> QueueProof:
        """Return the proof from the result of `stored`. Raise KeyError, TypeError or ValueError if it is invalid."""
        manifests = [_manifest_of_row(row) for row in stored["manifests"]]
        checksums = stored["checksums"]
        if len(checksums) != len(manifests):
            raise ValueError("not one checksum for each manifest")
        return cls(
            QueueId(*stored["queue"]),
            NumberSet.of(stored["numbers"]),
            stored["repeated"],
            stored["discarded"],
            manifests,
            checksums,
            dict(map(tuple, stored["pending"])),
            NumberSet.of(stored["unhashed"]),
        )


def _first(manifest: Manifest) -> int:
    return manifest.first


def _manifest_of_row(row: list[Any]) -> Manifest:
    manifest = Manifest(*row)
    excluded = tuple((low, high) for low, high in manifest.excluded)
    reasons = tuple((reason, count) for reason, count in manifest.reasons)
    return manifest._replace(queue=QueueId(*manifest.queue), excluded=excluded, reasons=reasons)


def _in_spans(spans: Spans, number: int) -> bool:
    """Return whether one of the spans contains a number. The spans must be in order."""
    index = bisect_right(spans, number, key=lambda span: span[0]) - 1
    return index >= 0 and number <= spans[index][1]
