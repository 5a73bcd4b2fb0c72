"""Aggregated records that the wrong shard accepted: their keys wait until it is known whether consumers keep them."""

import pytest

from bridge.delivery.accumulator import RecordAccumulator
from bridge.delivery.misplaced_records import MisplacedRecords
from bridge.delivery.shard_knowledge import MAX_UNDECIDED_SECS, Judgement
from bridge.kinesis.limits import MAX_REQUEST_BYTES
from bridge.kinesis.packing.packers import PackedRecord
from bridge.model import Destination, Record


class Rig:
    """Records 1 and 2 have the key a, record 3 has the key b. `judgements` are by id of the accepting shard."""

    def __init__(self, monkeypatch):
        self.accumulator = RecordAccumulator(Destination("s"), 0.0)
        self.misplaced = MisplacedRecords(self.accumulator)
        self.judgements, self.undecided_secs = {}, []
        monkeypatch.setattr(self.accumulator.shards, "judge", self.judge)
        first, self.later, other = (Record(n, 1, key, b"data") for n, key in enumerate("aab", 1))
        self.first, self.other = packed(first), packed(other)

    def judge(self, _packed, shard_id, _now, *, undecided_secs):
        self.undecided_secs.append(undecided_secs)
        return self.judgements[shard_id]

    def sent(self, now=10.0):
        """Return the numbers of the records in the next request."""
        return [each.number for each in self.accumulator.drain(1 << 20, MAX_REQUEST_BYTES, 1, now).records]


def packed(*records):
    return PackedRecord("key", b"aggregated", "0", records, None)


@pytest.fixture
def rig(monkeypatch):
    return Rig(monkeypatch)


def test_misplaced_records_mute_their_keys_while_undecided(rig):
    rig.misplaced.add([(rig.first, "x")], 1.0)
    rig.accumulator.append([rig.later, Record(9, 1, "c", b"")], 1.0)
    rig.judgements["x"] = Judgement.UNDECIDED
    assert rig.misplaced.judge(2.0) == ([], [])
    assert rig.sent() == [9]
    assert (len(rig.misplaced), rig.misplaced.numbers(), rig.misplaced.size) == (1, [1], len("key") + len("aggregated"))


def test_misplaced_records_that_consumers_keep_are_delivered(rig):
    rig.misplaced.add([(rig.first, "x")], 1.0)
    rig.accumulator.append([rig.later], 1.0)
    rig.judgements["x"] = Judgement.DELIVERED
    assert rig.misplaced.judge(2.0) == (list(rig.first.records), [])
    assert rig.sent() == [2]
    assert (len(rig.misplaced), rig.misplaced.due_at) == (0, None)


def test_misplaced_records_that_consumers_discard_are_sent_again_first(rig):
    rig.misplaced.add([(rig.first, "x")], 1.0)
    rig.accumulator.append([rig.later], 1.0)
    rig.judgements["x"] = Judgement.DISCARDED
    assert rig.misplaced.judge(2.0) == ([], list(rig.first.records))
    assert rig.sent() == [1, 2]


def test_misplaced_records_are_judged_each_by_its_own_shard(rig):
    rig.misplaced.add([(rig.first, "x")], 1.0)
    rig.misplaced.add([(rig.other, "y")], 4.0)
    rig.judgements |= {"x": Judgement.UNDECIDED, "y": Judgement.DELIVERED}
    assert rig.misplaced.judge(6.0) == (list(rig.other.records), [])
    assert rig.undecided_secs == [5.0, 2.0]
    assert rig.misplaced.numbers() == [1]


def test_misplaced_records_are_due_with_the_oldest(rig):
    assert rig.misplaced.due_at is None
    rig.misplaced.add([(rig.first, "x")], 4.0)
    rig.misplaced.add([(rig.other, "y")], 1.0)
    assert rig.misplaced.due_at == 1.0 + MAX_UNDECIDED_SECS


def test_misplaced_record_that_is_accepted_wrongly_again_waits_again(rig):
    rig.judgements |= {"x": Judgement.DISCARDED, "y": Judgement.UNDECIDED}
    rig.misplaced.add([(rig.first, "x")], 1.0)
    rig.misplaced.judge(2.0)
    batch = rig.accumulator.drain(1 << 20, MAX_REQUEST_BYTES, 1, 2.0)
    rig.misplaced.add([(rig.first, "y")], 3.0)
    rig.accumulator.release(*batch.holds)
    rig.accumulator.append([rig.later], 3.0)
    assert rig.misplaced.judge(4.0) == ([], [])
    assert rig.sent() == []
