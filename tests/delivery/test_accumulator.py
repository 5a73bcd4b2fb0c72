"""Order per partition key: after failures with `order: strict`, and without failures by default."""

import json
import random

import pytest

from bridge.delivery.accumulator import RecordAccumulator
from bridge.delivery.settings import SenderSettings
from bridge.kinesis.limits import MAX_REQUEST_BYTES
from bridge.kinesis.packing.packers import PackedRecord
from bridge.kinesis.publisher import StreamDescription
from bridge.model import Destination, Record
from tests.delivery.test_packed_sending import in_order_per_key, telemetry
from tests.delivery.test_sending_under_faults import TROUBLE
from tests.delivery.test_stream_sender import QUICK, numbers, sending
from tests.fakes.stream_queue import MemoryQueue
from tests.harness.consumers import unpacked

MANY = SenderSettings(4, 0.005, 0.1, QUICK.record_backoff, QUICK.request_backoff)


def found(stream):
    rows = []
    for stored in stream.stored:
        for key, data in unpacked(stored.key, stored.data):
            rows += [(key, line) for line in data.splitlines()]
    return rows


@pytest.mark.parametrize("packing", ["", "packing=kpl ", "packing=lines "])
@pytest.mark.parametrize("seed", [1, 2])
def test_strict_order_in_trouble_holds(kinesis, publisher, packing, seed):
    chance = random.Random(seed)
    stream = kinesis.streams["telemetry"]
    stream.poison_data = b'{"n": 77}'
    for kind, settings in chance.sample(TROUBLE, 5):
        kinesis.fault(kind, requests=1, **settings)
    kinesis.fail_records("telemetry", share=0.2, records=30)
    kinesis.fail_records("telemetry", share=0.2, code="InternalFailure", records=15)
    queue = MemoryQueue(f"telemetry {packing}order=strict", telemetry(600, machines=25))
    with sending(queue, publisher, MANY):
        assert queue.wait_settled(300, secs=20)
        stream.split(chance.randrange(2))
        assert queue.wait_settled(600, secs=20)
    assert [record.number for record, _, _ in queue.rejected] == [77]
    assert numbers(queue.delivered) == [n for n in range(1, 601) if n != 77]
    rows = found(stream)
    assert {json.loads(data)["n"] for _, data in rows} == set(range(1, 601)) - {77}
    assert in_order_per_key(rows)


def accumulator(name):
    made = RecordAccumulator(Destination.parse(name), 0.1)
    made.tune(0.1, 25_600)
    made.shards.on_described(StreamDescription(), 0.0)
    made.on_distribution_changed()
    return made


def strict(packing="packing=kpl "):
    return accumulator(f"s {packing}order=strict")


def drain(accumulator, now=0.0, requests=1):
    return accumulator.drain(1 << 20, MAX_REQUEST_BYTES, requests, now)


def settle(accumulator, batch):
    accumulator.release(*batch.holds)


def numbers_of(batch):
    return [record.number for record in batch.records]


def keyed(*keys):
    return [Record(number, 1, key, b"x" * 100) for number, key in enumerate(keys, 1)]


def test_strict_failed_record_delays_its_key_only():
    made = strict("")
    made.append(keyed("a", "b", "a", "b", "a"), 0.0)
    first = drain(made)
    assert numbers_of(first) == [1, 2]
    made.reenqueue(first.records[:1], 5.0)
    settle(made, first)
    second = drain(made, 1.0)
    assert numbers_of(second) == [4]
    third = drain(made, 5.0)
    assert numbers_of(third) == [1]
    settle(made, third)
    assert numbers_of(drain(made, 5.0)) == [3]


def test_strict_packed_key_sends_all_its_records_at_once():
    made = strict()
    made.append(keyed(*["a", "b"] * 50), 0.0)
    batch = drain(made)
    assert len(batch.records) == 100
    assert all(isinstance(entry, PackedRecord) for entry in batch.entries)
    assert made.records == 0


def test_strict_key_has_one_record_in_flight():
    made = strict()
    made.tune(0.1, 1024)
    made.append(keyed(*["a"] * 50), 0.0)
    batch = drain(made)
    assert 1 < len(batch.records) < 10
    assert not drain(made).records
    assert made.next_due(0.0) is None
    settle(made, batch)
    assert numbers_of(drain(made))[0] == len(batch.records) + 1


@pytest.mark.parametrize("name", ["s", "s packing=kpl", "s packing=lines", "s packing=kpl order=strict"])
def test_withheld_record_mutes_its_key(name):
    made, some = accumulator(name), keyed("a", "a", "b")
    hold = made.withhold(some[:1])
    made.append(some[1:], 0.0)
    batch = drain(made)
    assert numbers_of(batch) == [3]
    made.reenqueue(some[:1])
    made.release(hold)
    assert numbers_of(drain(made)) == [1, 2]


@pytest.mark.parametrize("name", ["s", "s packing=kpl", "s packing=lines"])
def test_key_in_flight_waits_and_other_keys_are_sent(name):
    made = accumulator(name)
    made.append(keyed("a", "b"), 0.0)
    first = drain(made)
    made.append([Record(3, 1, "a", b"3"), Record(4, 1, "c", b"4")], 0.0)
    assert numbers_of(drain(made)) == [4]
    settle(made, first)
    assert numbers_of(drain(made)) == [3]


def test_keyless_records_are_never_muted():
    made = accumulator("s keys=spread")
    made.append(keyed("1", "2"), 0.0)
    drain(made)
    made.append([Record(3, 1, "1", b"3")], 0.0)
    assert numbers_of(drain(made)) == [3]


def test_backlog_is_shared_out_by_keys_between_requests():
    made = accumulator("s")
    made.append(keyed(*[f"k{n % 64}" for n in range(2000)]), 0.0)
    batches = [drain(made, requests=requests) for requests in (4, 3, 2, 1)]
    assert all(len(batch.records) >= 250 for batch in batches)
    keys = [{record.key for record in batch.records} for batch in batches]
    assert sum(map(len, keys)) == len(set.union(*keys)) == 64


def test_split_halves_are_sent_one_after_the_other_when_strict():
    made = strict("")
    made.append(keyed("a", "b", "c", "d"), 0.0)
    whole = drain(made)
    made.split_and_reenqueue(whole.records)
    settle(made, whole)
    part = drain(made)
    assert (numbers_of(part), part.part) == ([1, 2], True)
    assert not drain(made).records
    made.part_returned()
    made.reenqueue_part(part.records[:1], 3.0)
    settle(made, part)
    assert not drain(made, 2.9).records
    again = drain(made, 3.0)
    assert numbers_of(again) == [1]
    made.part_returned()
    settle(made, again)
    assert numbers_of(drain(made, 3.0)) == [3, 4]


@pytest.mark.parametrize("name", ["s", "s order=strict"])
def test_key_that_may_be_too_long_is_split_off_at_once(name):
    """Some emulators count UTF-16 units. One key of 256 emoji must be found by few splits of the request."""
    made = accumulator(name)
    keys = [f"k{n}" for n in range(50)]
    keys[20], keys[30] = "\U0001f600" * 129, "\U0001f601" * 129
    made.append(keyed(*keys), 0.0)
    refused = drain(made)
    made.split_and_reenqueue(refused.records)
    settle(made, refused)
    part = drain(made)
    assert numbers_of(part) == [n for n in range(1, 51) if n not in (21, 31)]
    made.part_returned()
    settle(made, part)
    assert numbers_of(drain(made)) == [21, 31]


def test_settled_keys_are_forgotten_when_strict():
    made = strict()
    made.append(keyed("a", "b", "a"), 0.0)
    settle(made, drain(made))
    assert (made.records, made.counted_bytes, made._queues._routes) == (0, 0, {})
    assert made.next_due(0.0) is None


@pytest.mark.parametrize("name", ["s", "s order=strict"])
def test_oldest_waiting_record_is_known(name):
    made = accumulator(name)
    assert made.oldest() is None
    made.append(keyed("a", "b")[1:], 0.0)
    assert made.oldest() == 2


def test_part_of_packed_records_that_become_plain_fits_a_request():
    made = accumulator("s packing=kpl")
    made.append(keyed(*["a"] * 3000), 0.0)
    whole = drain(made)
    made.split_and_reenqueue(whole.records)
    settle(made, whole)
    made.shards.on_described(StreamDescription(distribution="AUTO"), 0.0)
    made.on_distribution_changed()
    part = drain(made)
    assert (part.part, len(part.entries)) == (True, 500)


def test_small_rest_beside_muted_keys_is_an_underfilled_request():
    made = accumulator("s")
    made.append(keyed("a", "b"), 0.0)
    drain(made)
    made.append([Record(3, 1, "c", b"x" * 100), *[Record(n, 1, "a", b"x" * 100) for n in range(4, 24)]], 0.0)
    assert made.is_underfilled(2000, 0.0)
    assert not made.is_underfilled(100, 0.0), "there is enough for a request of that size"
    assert not made.is_underfilled(1 << 20, 0.0), "what waits would not fill it either"
