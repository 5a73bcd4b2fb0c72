"""Random faults against a model of Kinesis, without threads: guarantees of every destination, and order if required.

Several requests are in flight at once and end in any order. A request may be accepted partly, throttled, refused as
invalid, or fail completely. If its outcome is unknown, Kinesis stores the records at once, later, or never. Streams are
split and merged, and the bridge is restarted with the unsettled records. Then the faults end, and all records must be
settled.
"""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.delivery.delivery_tracker import DeliveryTracker
from bridge.delivery.settings import SenderSettings
from bridge.errors import InvalidRequest, OutcomeUnknown, Unavailable
from bridge.kinesis.packing.packers import PackedRecord
from bridge.kinesis.publisher import StreamDescription
from bridge.kinesis.put_records_codec import RecordAccepted, RecordFailed
from bridge.kinesis.shard_map import Shard
from bridge.model import BatchingOptions, Record
from tests.delivery.requests import next_request, on_results, room
from tests.fakes.kinesis_streams import Stream
from tests.harness.consumers import hash_of, unpacked

THROTTLED = RecordFailed("ProvisionedThroughputExceededException", "slow")
INTERNAL = RecordFailed("InternalFailure", "")
SETTINGS = SenderSettings(requests_in_flight=3)
EVENTS = (
    "send",
    "send",
    "answer",
    "answer",
    "partly",
    "fail",
    "doubt",
    "late",
    "reshard",
    "shards",
    "limit",
    "restart",
)


class Kinesis:
    """Shards that split and merge, and the records that a KCL consumer reads from each shard, in order."""

    def __init__(self):
        self.stream = Stream("s", 2)
        self.read: list[tuple[str, int]] = []  # (key, number)
        self.poison: set[int] = set()

    def shards(self):
        return [Shard(shard.id, shard.first_hash, shard.last_hash) for shard in self.stream.open_shards]

    def store(self, entry):
        hash_key = entry.hash_key if isinstance(entry, PackedRecord) else None
        shard = self.stream.shard_of(entry.key, hash_key)
        found = [(entry.key, line) for line in entry.data.splitlines()]
        if entry.data.startswith(b"\xf3\x89\x9a\xc2"):
            found = unpacked(entry.key, entry.data)
        if len(found) == 1 or all(shard.first_hash <= hash_of(key) <= shard.last_hash for key, _ in found):
            self.read += [(key, int(data)) for key, data in found]
        return RecordAccepted("1", shard.id)


class Run:
    """Bridges that use the same queue, one after the other."""

    def __init__(self, name, records, chance):
        self.name, self.records, self.chance = name, records, chance
        self.kinesis = Kinesis()
        self.settled: dict[int, str] = {}
        self.now = 0.0
        self.late: list[list] = []
        self.start()

    def start(self):
        self.tracker = DeliveryTracker(self.name, SETTINGS)
        self.tracker.tune(BatchingOptions(max_record_bytes=1024))
        self.fresh = [record for record in self.records if record.number not in self.settled]
        self.out = []

    def settle(self, delivered, rejected=()):
        for record, how in [*((r, "delivered") for r in delivered), *((r, "rejected") for r, _, _ in rejected)]:
            assert record.number not in self.settled, "settled twice"
            self.settled[record.number] = how

    def send(self):
        count, size = room(self.tracker, self.now, 3)
        some = self.fresh[: min(max(count, 0), self.chance.randint(1, 30))] if size > 0 else []
        self.fresh = self.fresh[len(some) :]
        self.settle([], self.tracker.add(some, self.now))
        if self.tracker.pause_secs(self.now) == 0 and len(self.out) < 3:
            batch = next_request(self.tracker, self.now, 3 - len(self.out))
            if batch.records:
                self.out.append(batch)

    def take(self):
        return self.out.pop(self.chance.randrange(len(self.out)))

    def invalid(self, batch):
        return any(record.number in self.kinesis.poison for record in batch.records)

    def answer(self, *, share=0):
        batch = self.take()
        if self.invalid(batch):
            error = InvalidRequest("InvalidArgumentException", "poison")
            self.settle([], self.tracker.on_request_invalid(batch, error, self.now))
            return
        results = [self.result(entry, share) for entry in batch.entries]
        self.settle(*on_results(self.tracker, batch, results, self.now))

    def result(self, entry, share):
        chance = self.chance.randrange(10) if share else 9
        if chance < share:
            return THROTTLED if chance % 2 else INTERNAL
        return self.kinesis.store(entry)

    def fail(self):
        self.tracker.on_request_failed(self.take(), Unavailable("ServiceUnavailable", ""), self.now)

    def doubt(self):
        batch = self.take()
        fate = self.chance.choice(["stored", "late", "lost"]) if not self.invalid(batch) else "lost"
        if fate == "stored":
            for entry in batch.entries:
                self.kinesis.store(entry)
        elif fate == "late":
            self.late.append(list(batch.entries))
        self.tracker.on_request_failed(batch, OutcomeUnknown("Network", ""), self.now)

    def store_late(self):
        if self.late:
            for entry in self.late.pop(self.chance.randrange(len(self.late))):
                self.kinesis.store(entry)

    def reshard(self):
        stream = self.kinesis.stream
        shards = stream.open_shards
        if len(shards) < 4:
            stream.split(self.chance.choice(shards).number)
        else:
            stream.merge(shards[1].number, shards[2].number)

    def shards(self, *, denied=False):
        if self.tracker.accumulator.shards.start_listing(self.now):
            if denied:
                self.settle(self.tracker.on_shards_failed(Unavailable("AccessDeniedException", ""), self.now))
            else:
                self.settle(self.tracker.on_shards(self.kinesis.shards(), self.now))

    def limit(self):
        if self.tracker.size_limit.start_request(self.now):
            self.settle([], self.tracker.on_described(StreamDescription(), self.now))

    def happen(self, event):
        if event in ("answer", "partly", "fail", "doubt") and not self.out:
            event = "send"
        if event == "restart":
            self.late += [list(batch.entries) for batch in self.out if not self.invalid(batch)]
            self.start()
        elif event == "partly":
            self.answer(share=self.chance.randint(1, 8))
        elif event == "late":
            self.store_late()
        else:
            getattr(self, event)()

    def end_well(self):
        for _ in range(3000):
            self.now += 5.0
            self.limit()
            self.shards()
            self.send()
            while self.out:
                self.answer()
            if len(self.settled) == len(self.records):
                break
        assert len(self.settled) == len(self.records), f"{len(self.settled)} of {len(self.records)} settled"
        while self.late:
            self.store_late()


def run(name, seed, events=EVENTS, *, poisoned=True):
    chance = random.Random(seed)
    keys, count = chance.randint(1, 12), chance.randint(2, 600)
    records = [Record(n, 1, f"press{n * 7 % keys}", b"%d" % n) for n in range(1, count + 1)]
    made = Run(name, records, chance)
    made.kinesis.poison = (
        set() if not poisoned else set(chance.sample(range(1, count + 1), min(count, chance.choice([0, 0, 1, 3]))))
    )
    for event in chance.choices(events, k=chance.randint(0, 250)):
        made.now += chance.choice([0.0, 0.01, 0.3, 40.0])
        made.happen(event)
    made.end_well()
    return made


def out_of_order(made):
    """Return the keys whose records were not stored in order, not counting duplicates."""
    numbers = {}
    for key, number in dict.fromkeys(made.kinesis.read):
        numbers.setdefault(key, []).append(number)
    return [key for key, found in numbers.items() if found != sorted(found)]


WAYS = ["s", "s packing=kpl", "s packing=lines"]


@pytest.mark.parametrize("name", [*WAYS, *(f"{way} order=strict" for way in WAYS)])
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1 << 32))
def test_tracker_settles_each_record_once_and_delivered_ones_are_readable(name, seed):
    made = run(name, seed)
    delivered = {number for number, how in made.settled.items() if how == "delivered"}
    assert {number for number, how in made.settled.items() if how == "rejected"} <= made.kinesis.poison
    assert delivered <= {number for _, number in made.kinesis.read}


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 32))
def test_strict_order_holds_in_any_trouble(way, seed):
    assert out_of_order(run(f"{way} order=strict", seed)) == []


CALM = ("send", "send", "answer", "answer", "reshard", "shards", "limit")


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 32))
def test_order_of_a_key_without_failures_is_stored_by_default(way, seed):
    made = run(way, seed, CALM, poisoned=False)
    assert out_of_order(made) == []


@pytest.mark.parametrize("way", WAYS)
def test_trouble_is_such_that_order_does_not_hold_by_itself(way):
    assert any(out_of_order(run(way, seed)) for seed in range(20))
