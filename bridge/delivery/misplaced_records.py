"""Misplaced records: aggregated records that were made for one shard, but accepted by another shard.

After a reshard, a shard may accept an aggregated record that contains keys of another shard. Consumers on the Kinesis
Client Library (KCL) may discard such a record. So the record counts as delivered only when it is certain that consumers
keep it. Until then, its keys are muted: the record may have to be sent again, before any later record of these keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bridge.delivery.shard_knowledge import MAX_UNDECIDED_SECS, Judgement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.delivery.accumulator import RecordAccumulator
    from bridge.delivery.key_queue import Hold
    from bridge.kinesis.packing.packers import PackedRecord
    from bridge.model import Record


class _Undecided(NamedTuple):
    packed: PackedRecord
    shard_id: str
    hold: Hold
    since: float


class MisplacedRecords:
    """Misplaced records of one stream that are not judged yet. Callers hold the lock of the sender pool."""

    def __init__(self, accumulator: RecordAccumulator) -> None:
        self._accumulator = accumulator
        self._undecided: list[_Undecided] = []

    def __len__(self) -> int:
        return sum([len(each.packed.records) for each in self._undecided])

    @property
    def size(self) -> int:
        """Total size of the data and keys of the undecided records, in bytes."""
        return sum([each.packed.counted_bytes for each in self._undecided])

    @property
    def due_at(self) -> float | None:
        """Latest time at which the oldest undecided record must be judged; None if no record is undecided."""
        return min([each.since + MAX_UNDECIDED_SECS for each in self._undecided], default=None)

    def numbers(self) -> list[int]:
        """Return the numbers of the spool records inside the undecided packed records."""
        return [record.number for each in self._undecided for record in each.packed.records]

    def add(self, misplaced: Iterable[tuple[PackedRecord, str]], now: float) -> None:
        """Add misplaced records, each with the id of the shard that accepted it."""
        for packed, shard_id in misplaced:
            self._undecided.append(_Undecided(packed, shard_id, self._accumulator.withhold(packed.records), now))

    def judge(self, now: float) -> tuple[list[Record], list[Record]]:
        """Judge the records again. Return the records that are now known to be delivered, and the discarded records.

        Records that consumers discard are put back into the accumulator, before all later records of the same keys.
        """
        undecided, self._undecided = self._undecided, []
        delivered: list[Record] = []
        discarded: list[Record] = []
        for each in undecided:
            judgement = self._accumulator.shards.judge(each.packed, each.shard_id, now, undecided_secs=now - each.since)
            if judgement is Judgement.UNDECIDED:
                self._undecided.append(each)
                continue
            (delivered if judgement is Judgement.DELIVERED else discarded).extend(each.packed.records)
            if judgement is Judgement.DISCARDED:
                self._accumulator.reenqueue(each.packed.records)
            self._accumulator.release(each.hold)
        return delivered, discarded
