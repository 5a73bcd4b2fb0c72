"""Misplaced records: aggregated records that a different shard accepted than the one they were made for.

After a reshard, a shard may accept an aggregated record that holds keys of another shard. KCL consumers may discard
such a record, so it counts as delivered only when it is certain that they keep it. Until then its keys are muted,
because later records of these keys must not overtake records that may have to be sent again.
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
    """Undecided records of one stream. Not thread-safe: the sender pool guards it."""

    def __init__(self, accumulator: RecordAccumulator) -> None:
        self._accumulator = accumulator
        self._undecided: list[_Undecided] = []

    def __len__(self) -> int:
        return sum([len(each.packed.records) for each in self._undecided])

    @property
    def size(self) -> int:
        """Data and keys, in bytes."""
        return sum([each.packed.counted_bytes for each in self._undecided])

    @property
    def due_at(self) -> float | None:
        """Latest time at which the oldest undecided record must be judged; None if there is no such record."""
        return min([each.since + MAX_UNDECIDED_SECS for each in self._undecided], default=None)

    def numbers(self) -> list[int]:
        """Return the numbers of all undecided records."""
        return [record.number for each in self._undecided for record in each.packed.records]

    def add(self, misplaced: Iterable[tuple[PackedRecord, str]], now: float) -> None:
        """Add records with the id of the shard that accepted them."""
        for packed, shard_id in misplaced:
            self._undecided.append(_Undecided(packed, shard_id, self._accumulator.withhold(packed.records), now))

    def judge(self, now: float) -> tuple[list[Record], list[Record]]:
        """Return the records that are now known to be delivered, and those that consumers discard.

        The discarded ones are put back into the accumulator, in front of all later records of their keys.
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
