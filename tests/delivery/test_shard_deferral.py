"""Deferral of shards: which shard is deferred, which records pass, and when deferred records are read."""

from itertools import count, islice
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.delivery.accumulator import RecordAccumulator
from bridge.delivery.shard_deferral import MAX_DEFERRED_SHARDS, ShardDeferral
from bridge.errors import SpoolWriteError
from bridge.kinesis.responses import StreamDescription
from bridge.kinesis.shard_map import HASHES, Shard
from bridge.model import Destination, Record

REQUESTS = 2
CROWDED = 11_000
"""Number of records that fill more than half of the memory of two requests."""


def divided(parts, first=0, last=HASHES - 1, name="shard"):
    """Return shards that divide a range of hashes equally."""
    ends = [first + (last + 1 - first) * n // parts for n in range(parts + 1)]
    return [Shard(f"{name}-{n}", ends[n], ends[n + 1] - 1) for n in range(parts)]


def keys_in(shard):
    return (key for key in map(str, count()) if shard.contains_keys([key]))


class Queue:
    """Fake of a queue. `deferred` are the functions that return whether a key is deferred."""

    def __init__(self):
        self.deferred, self.divisible, self.pages = [], True, []

    def defer(self, holds):
        self.deferred.append(holds)
        return SimpleNamespace(holds=holds, done=False)

    def divide(self, _deferral, parts):
        return [SimpleNamespace(holds=part, done=False) for part in parts] if self.divisible else []

    def read_deferred(self, _deferral):
        page = self.pages.pop(0)
        if isinstance(page, Exception):
            raise page
        return page

    def received_ms(self, _number):
        return 0


class Rig:
    def __init__(self, shards=2):
        self.accumulator = RecordAccumulator(Destination("s", packing="kpl"), 0.0)
        self.accumulator.shards.on_described(StreamDescription(), 0.0)
        self.accumulator.on_distribution_changed()
        self.shards = divided(shards) if shards else []
        self.queue, self.numbers = Queue(), count(1)
        self.deferral = ShardDeferral(self.queue, self.accumulator, REQUESTS)
        if shards:
            self.accumulator.shards.on_listed(self.shards, 0.0)

    def records(self, shard, number, keys=1):
        found = list(islice(keys_in(shard), keys))
        return [Record(next(self.numbers), 1, found[n % keys], b"x") for n in range(number)]

    def wait(self, shard, number, keys=1):
        """Let records of a shard wait in memory."""
        self.accumulator.append(self.records(shard, number, keys), 0.0)

    def defer(self, shard):
        self.wait(shard, CROWDED)
        self.deferral.defer_busiest_shard()
        assert shard.id in self.deferral.shard_ids


@pytest.fixture
def rig():
    return Rig()


def test_deferral_of_a_shard_keeps_back_its_records_only(rig):
    hot, calm = rig.shards
    rig.defer(hot)
    assert rig.deferral.shard_ids == {hot.id}
    of_hot, of_calm = rig.records(hot, 20, keys=20), rig.records(calm, 20, keys=20)
    assert rig.deferral.without_deferred([*of_hot, *of_calm], 0.0) == of_calm
    (holds,) = rig.queue.deferred
    assert all(holds(record.key) for record in of_hot)
    assert not any(holds(record.key) for record in of_calm)
    assert rig.accumulator.keep_routed


def test_deferral_begins_only_when_memory_is_half_full(rig):
    rig.wait(rig.shards[0], 10_000)
    rig.deferral.defer_busiest_shard()
    assert rig.deferral.shard_ids == set()
    rig.wait(rig.shards[0], 1)
    rig.deferral.defer_busiest_shard()
    assert rig.deferral.shard_ids == {rig.shards[0].id}


def test_deferral_needs_a_shard_with_hardly_any_records(rig):
    rig.wait(rig.shards[0], CROWDED)
    rig.wait(rig.shards[1], 201)
    rig.deferral.defer_busiest_shard()
    assert rig.deferral.shard_ids == set()


def test_deferral_without_the_list_of_shards_defers_nothing():
    rig = Rig(shards=0)
    rig.wait(divided(2)[0], CROWDED)
    rig.deferral.defer_busiest_shard()
    assert rig.queue.deferred == []
    fresh = rig.records(divided(2)[0], 3)
    assert rig.deferral.without_deferred(fresh, 0.0) is fresh


def test_deferral_with_gaps_between_the_known_shards_defers_nothing(rig, monkeypatch):
    monkeypatch.setattr(type(rig.accumulator.shards), "complete", False)
    rig.wait(rig.shards[0], CROWDED)
    rig.deferral.defer_busiest_shard()
    assert rig.queue.deferred == []


def test_deferral_is_limited_to_a_few_shards():
    rig = Rig(shards=MAX_DEFERRED_SHARDS + 2)
    for shard in rig.shards[:-1]:
        rig.wait(shard, CROWDED)
        rig.deferral.defer_busiest_shard()
    assert len(rig.deferral.shard_ids) == len(rig.queue.deferred) == MAX_DEFERRED_SHARDS


@pytest.mark.parametrize(("waiting", "pages"), [(CROWDED, 0), (1251, 0), (1250, 1), (0, 1)])
def test_deferral_reads_a_page_when_few_records_wait(rig, waiting, pages):
    rig.defer(rig.shards[0])
    queues = rig.accumulator._queues
    for shard_queue in queues.ready(0.0):
        queues.draw(shard_queue, CROWDED - waiting, 1 << 30, 1 if waiting < CROWDED else 0)
    assert rig.accumulator.records == waiting
    assert len(rig.deferral.readable()) == pages


def test_deferral_that_is_finished_lets_new_records_pass():
    rig = Rig(shards=4)
    first, second = rig.shards[:2]
    rig.defer(first)
    rig.defer(second)
    of_first, of_second = rig.records(first, 2), rig.records(second, 2)
    assert rig.deferral.without_deferred([*of_first, *of_second], 0.0) == []
    next(iter(rig.deferral._deferrals.values())).done = True
    assert rig.deferral.shard_ids == {second.id}
    assert rig.deferral.without_deferred([*of_first, *of_second], 0.0) == of_first


def test_deferral_returns_the_pages_before_a_read_error(rig):
    page, error = rig.records(rig.shards[0], 2), SpoolWriteError("cannot be read")
    rig.queue.pages = [page, error]
    assert rig.deferral.read_deferred([None, None]) == page
    rig.queue.pages = [error]
    with pytest.raises(SpoolWriteError):
        rig.deferral.read_deferred([None])


@pytest.mark.parametrize("divisible", [True, False])
def test_deferral_of_a_split_shard_is_divided_as_soon_as_possible(rig, divisible):
    hot, calm = rig.shards
    rig.defer(hot)
    rig.queue.divisible = divisible
    children = divided(2, hot.first_hash, hot.last_hash, "child")
    rig.accumulator.shards.on_listed([*children, calm], 100.0)
    rig.deferral.readable()
    assert rig.deferral.shard_ids == ({"child-0", "child-1"} if divisible else {hot.id})
    assert rig.deferral.without_deferred(rig.records(hot, 20, keys=20), 0.0) == []
    rig.queue.divisible = True
    rig.deferral.readable()
    assert rig.deferral.shard_ids == {"child-0", "child-1"}


@given(st.lists(st.integers(0, 30), max_size=8, unique=True), st.integers(0, 30), st.integers(0, 30))
def test_deferral_of_a_merged_shard_has_each_hash_once(ends, first, last):
    """The parent shards may be deferred already. Only the hashes between them are deferred for the merged shard."""
    rig, pairs = Rig(), sorted(ends)
    before = [Shard(f"{a}", a, b - 1) for a, b in zip(pairs[::2], pairs[1::2], strict=False)]
    rig.deferral._deferrals = dict.fromkeys(before)
    merged = Shard("merged", min(first, last), max(first, last))
    parts = rig.deferral._not_deferred(merged)
    covered = [hash_ for part in parts for hash_ in range(part.first_hash, part.last_hash + 1)]
    deferred = {hash_ for each in before for hash_ in range(each.first_hash, each.last_hash + 1)}
    assert covered == [hash_ for hash_ in range(merged.first_hash, merged.last_hash + 1) if hash_ not in deferred]
    assert {part.id for part in parts} <= {"merged"}
