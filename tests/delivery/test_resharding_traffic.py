"""Traffic of a plant during a reshard, in simulated time: the records that a KCL consumer finds, and the cost.

200 machines send 2,000 messages a second. Requests start every 100 ms and are answered after 150 ms. As in the
accumulator, the keys of records in flight and of undecided records are muted.
"""

import json
from collections import Counter, defaultdict

import pytest

from bridge.delivery.batch_outcome import sort_results
from bridge.delivery.shard_knowledge import Judgement, ShardKnowledge
from bridge.kinesis.packing.packers import PackedRecord
from bridge.kinesis.publisher import StreamDescription
from bridge.model import Destination, Record
from tests.delivery.simulated_stream import Request, SimulatedStream, pack
from tests.harness.consumers import kcl

MACHINES, PER_STEP, STEPS_PER_SEC = 200, 20, 100
LATENCY_STEPS, ROUND_STEPS, LISTING_STEPS = 15, 10, 10
RESHARD_SECS, TRAFFIC_SECS = 4.0, 12.0


class Traffic:
    def __init__(self, shards, stale_secs=0.0, may_list=True, described=True, reshard=lambda stream, now: None):
        self.stream, self.stale_secs, self.may_list, self.reshard = (
            SimulatedStream(shards),
            stale_secs,
            may_list,
            reshard,
        )
        self.knowledge = ShardKnowledge(Destination("s", packing="kpl"))
        self.knowledge.request()
        self.knowledge.on_described(StreamDescription(described=described), 0.0)
        self.waiting, self.in_flight, self.undecided = [], [], []
        self.muted = Counter()
        self.listing = None
        self.sent = self.resent = self.entries = self.calls = 0

    def run(self):
        total = int(TRAFFIC_SECS * STEPS_PER_SEC * PER_STEP)
        step = 0
        while self.sent < total or self.waiting or self.in_flight or self.undecided:
            self.now = step / STEPS_PER_SEC
            assert self.now < 60, "records are stuck"
            if self.now == RESHARD_SECS:
                self.reshard(self.stream, self.now)
            self.answer_requests()
            self.list_shards()
            if self.sent < total:
                self.receive()
            if step % ROUND_STEPS == 0:
                self.start_request()
            step += 1
        return self

    def receive(self):
        for _ in range(PER_STEP):
            self.sent += 1
            data = json.dumps({"n": self.sent, "vibration": [0.1] * 12}).encode()
            self.waiting.append(Record(self.sent, 1, f"machine-{self.sent % MACHINES}", data))

    def start_request(self):
        ready = [record for record in self.waiting if not self.muted[record.key]]
        self.waiting = [record for record in self.waiting if self.muted[record.key]]
        self.muted.update(record.key for record in ready)
        entries = pack(self.knowledge, ready)
        self.entries += len(entries)
        self.in_flight += [Request(entries[n : n + 500], self.now) for n in range(0, len(entries), 500)]

    def answer_requests(self):
        for request in list(self.in_flight):
            age = round((self.now - request.sent_at) * STEPS_PER_SEC)
            if age == LATENCY_STEPS // 2:
                self.stream.place(request)
            elif age == LATENCY_STEPS:
                self.in_flight.remove(request)
                self.answer(request)

    def answer(self, request):
        outcome = sort_results(request.entries, request.results)
        again = self.knowledge.on_accepted(request.entries, request.results, request.sent_at, self.now)
        misplaced = [packed for packed, _ in outcome.misplaced]
        for entry in request.entries:
            if entry not in misplaced:
                self.unmute(entry.records if isinstance(entry, PackedRecord) else [entry])
        self.undecided += [(packed, shard_id, self.now) for packed, shard_id in outcome.misplaced]
        if again or misplaced:
            self.judge()

    def judge(self):
        undecided, self.undecided = self.undecided, []
        for packed, shard_id, since in undecided:
            judgement = self.knowledge.judge(packed, shard_id, self.now, undecided_secs=self.now - since)
            if judgement is Judgement.UNDECIDED:
                self.undecided.append((packed, shard_id, since))
                continue
            if judgement is Judgement.DISCARDED:
                self.resent += len(packed.records)
                self.waiting = sorted([*self.waiting, *packed.records])
            self.unmute(packed.records)

    def unmute(self, records):
        self.muted.subtract(record.key for record in records)

    def list_shards(self):
        if self.listing and self.now >= self.listing[0]:
            _, shards = self.listing
            self.listing = None
            if self.knowledge.on_listed(shards, self.now):
                self.judge()
        elif self.knowledge.start_listing(self.now):
            self.calls += 1
            if self.may_list:
                shards = self.stream.listing_at(max(0.0, self.now - self.stale_secs))
                self.listing = (self.now + LISTING_STEPS / STEPS_PER_SEC, shards)
            elif self.knowledge.on_list_failed(self.now, denied=True):
                self.judge()

    def assert_each_record_is_found_once_and_in_order(self):
        numbers = defaultdict(list)
        for key, data in kcl(self.stream.stream):
            numbers[key].append(json.loads(data)["n"])
        assert sum(map(len, numbers.values())) == self.sent
        assert all(found == sorted(set(found)) for found in numbers.values())


def split(stream, now):
    stream.split(0, now)


def merge(stream, now):
    stream.merge(0, now)


def split_and_merge(stream, now):
    stream.split(3, now)
    stream.merge(0, now)


@pytest.fixture(scope="module")
def usual():
    """Number of Kinesis records without a reshard: one for each of two shards in each tenth of a second."""
    traffic = Traffic(2).run()
    assert traffic.resent == 0
    return traffic.entries


@pytest.mark.parametrize("stale_secs", [0.0, 3.0, 8.0])
@pytest.mark.parametrize("reshard", [split, merge])
def test_reshard_costs_no_duplicate_no_order_and_no_records(usual, reshard, stale_secs):
    traffic = Traffic(2, stale_secs, reshard=reshard).run()
    traffic.assert_each_record_is_found_once_and_in_order()
    assert traffic.entries < usual * 1.1
    assert traffic.resent <= 2 * PER_STEP * LATENCY_STEPS, "only what was in flight when the shard was closed"
    assert traffic.calls <= 2 + stale_secs + 1
    assert traffic.knowledge.complete


def test_changes_of_several_shards_at_once_are_no_worse(usual):
    traffic = Traffic(4, 3.0, reshard=split_and_merge).run()
    traffic.assert_each_record_is_found_once_and_in_order()
    assert traffic.entries < 2 * usual * 1.1


@pytest.mark.parametrize("described", [True, False])
def test_key_without_listings_is_sent_alone_a_few_times_at_most(usual, described):
    """The first records of a key show its shard, at the start and after the reshard."""
    traffic = Traffic(2, may_list=False, described=described, reshard=split).run()
    traffic.assert_each_record_is_found_once_and_in_order()
    assert traffic.entries < usual * 1.5 + 3 * MACHINES
    assert traffic.knowledge.distribution == "by_key"
