"""Filling of batches from real queues, with the real limits of shards."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.delivery.batch import Batch
from bridge.delivery.batch_filler import BatchFiller
from bridge.delivery.key_queues import KeyQueues
from bridge.delivery.record_distribution import BY_SERVICE
from bridge.delivery.shard_knowledge import ShardKnowledge
from bridge.delivery.shard_limiter import ShardLimiter
from bridge.kinesis.limits import MAX_REQUEST_BYTES, counted_bytes
from bridge.kinesis.responses import StreamDescription
from bridge.kinesis.shard_map import HASHES, Shard
from bridge.model import Destination, Record

KIB, MIB = 1 << 10, 1 << 20
ALL = 1 << 30


class Rig:
    """A filler with its queues. `shards` is the number of known shards, which divide the hash range equally."""

    def __init__(self, *, shards=0, routed=False, **options):
        destination = Destination("s", **options)
        self.queues = KeyQueues(keyless=destination.keys == "spread", exact=destination.order == "strict")
        self.knowledge = ShardKnowledge(destination)
        self.limiter = ShardLimiter(lambda: 0.5)
        self.filler = BatchFiller(destination, self.queues, self.knowledge, self.limiter)
        self.filler.max_packed_bytes, self.filler.now = MIB, 0.0
        self.knowledge.on_described(StreamDescription(), 0.0)
        self.filler.choose_packer()
        width = HASHES // max(1, shards)
        self.shards = [Shard(f"shard-{n}", n * width, (n + 1) * width - 1) for n in range(shards)]
        if shards:
            self.knowledge.on_listed(self.shards, 0.0)
        if routed:
            self.queues.reroute(self.knowledge.shard_of)

    def fill(self, max_bytes=MAX_REQUEST_BYTES, max_records=500, max_queues=ALL):
        """Fill one batch from every queue that is ready."""
        batch = Batch(max_bytes=max_bytes, max_records=max_records)
        for queue in self.queues.ready(self.filler.now):
            self.filler.fill(batch, queue, MIB, max_queues)
        return batch


def record(number, key="k", size=10):
    return Record(number, 1, key, bytes(size))


def numbers(batch):
    return [each.number for each in batch.records]


@pytest.mark.parametrize("packing", ["lines", "kpl"])
def test_filler_without_free_shards_returns_all_records_and_holds(packing):
    rig = Rig(shards=1, packing=packing, keys="spread")
    rig.queues.append([record(1), record(2)])
    rig.limiter.exhaust("shard-0", 0.0)
    for _ in range(3):
        batch = rig.fill()
        assert (batch.records, batch.holds, rig.queues.records) == ([], [], 2)
        rig.filler.now = next(iter(rig.queues._shard_queues.values())).not_before
        rig.limiter.exhaust("shard-0", rig.filler.now)
    assert rig.queues._holds == set()


def test_filler_makes_a_queue_wait_until_its_shard_has_room():
    rig = Rig(shards=1, packing="lines", keys="spread")
    rig.queues.append([record(1)])
    rig.limiter.exhaust("shard-0", 0.0)
    rig.fill()
    wait = rig.limiter.secs_until_available("shard-0", 0.0)
    assert wait > 0
    assert rig.queues.next_due() == pytest.approx(wait, abs=0.2)
    assert rig.filler.busy_until > rig.queues.next_due()


def test_filler_takes_no_more_than_the_free_capacity_of_a_shard():
    rig = Rig(shards=1, routed=True)
    rig.queues.append([record(n, f"k{n}") for n in range(400)])
    free, _ = rig.limiter.available("shard-0", 0.0)
    batch = rig.fill()
    assert len(batch.records) == free < 400
    assert rig.filler.exhausted(rig.shards[0])
    assert rig.fill().records == []


@pytest.mark.parametrize("order", ["best_effort", "strict"])
def test_filler_leaves_a_large_record_for_the_next_batch(order):
    rig = Rig(order=order)
    rig.queues.append([record(1, "a", 300), record(2, "b", 800)])
    assert numbers(rig.fill(max_bytes=1000)) == [1]
    assert numbers(rig.fill(max_bytes=1000)) == [2]


@pytest.mark.parametrize("packing", ["none", "lines", "kpl"])
def test_filler_sends_one_record_that_exceeds_every_limit(packing):
    rig = Rig(packing=packing)
    rig.queues.append([record(1, size=900 * KIB), record(2)])
    assert 1 in numbers(rig.fill(max_bytes=1000))


def test_filler_with_strict_order_takes_one_record_of_each_key():
    rig = Rig(order="strict")
    rig.queues.append([record(n, key) for n, key in enumerate("aabbbc")])
    batch = rig.fill()
    assert numbers(batch) == [0, 2, 5]
    assert rig.fill().records == []  # all keys are muted until the response


def test_filler_uses_at_most_max_queues_keys():
    rig = Rig(order="strict")
    rig.queues.append([record(n, str(n)) for n in range(9)])
    assert numbers(rig.fill(max_queues=4)) == [0, 1, 2, 3]


def test_filler_chooses_the_key_of_the_shard_with_the_most_room():
    rig = Rig(shards=2, packing="lines", keys="spread")
    rig.limiter.consume("shard-0", 1, 100 * KIB, 0.0)
    for number in range(1, 20):
        rig.queues.append([record(number)])
        batch = rig.fill()
        assert [packed.shard for packed in batch.packed] == [rig.shards[1]]
        assert rig.shards[1].contains_keys([batch.packed[0].key])


def test_filler_aggregates_only_if_keys_determine_the_shard():
    rig = Rig(packing="kpl")
    assert rig.filler.packer is not None
    rig.knowledge.on_described(StreamDescription(distribution=BY_SERVICE), 0.0)
    rig.filler.choose_packer()
    assert rig.filler.packer is None


@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 3000)), max_size=60),
    st.sampled_from(["none", "lines", "kpl"]),
    st.sampled_from(["own", "spread"]),
    st.sampled_from(["best_effort", "strict"]),
    st.integers(0, 3),
    st.integers(200, 9000),
    st.integers(1, 20),
)
def test_filler_takes_each_record_once_and_in_the_order_of_its_key(
    records, packing, keys, order, shards, max_bytes, max_records
):
    rig = Rig(shards=shards, routed=shards > 0 and keys == "own", packing=packing, keys=keys, order=order)
    rig.filler.max_packed_bytes = 4000
    given_records = [record(n, key, size) for n, (key, size) in enumerate(records)]
    rig.queues.append(given_records)
    sent = []
    for step in count():
        rig.filler.now = step * 1.0
        batch = rig.fill(max_bytes, max_records)
        assert len(batch.entries) <= max_records
        assert batch.counted_bytes <= max_bytes or len(batch.entries) == 1
        sent += batch.records
        for hold in batch.holds:
            rig.queues.release(hold)
        assert rig.queues.records == len(given_records) - len(sent)
        if not rig.queues.records:
            break
        assert step < 200
    assert sorted(sent) == given_records
    assert rig.queues.size == 0
    if keys == "own":
        for key in "abcdefgh":
            of_key = [each.number for each in sent if each.key == key]
            assert of_key == sorted(of_key)
    assert sum(map(counted_bytes, sent)) == sum(map(counted_bytes, given_records))
    assert rig.queues._holds == set()
