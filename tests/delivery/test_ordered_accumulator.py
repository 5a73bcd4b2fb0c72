"""`order: strict` through the stand-in, with threads and trouble."""

import json
import random

import pytest

from bridge.delivery.accumulator import Dispatch
from bridge.delivery.ordered_accumulator import StrictDispatch
from bridge.delivery.tracker import SenderSettings
from bridge.kinesis.packing.packers import Packed
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
def test_order_holds_in_trouble(kinesis, publisher, packing, seed):
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


def strict(name="s packing=kpl order=strict"):
    dispatch = StrictDispatch(Destination.parse(name), 0.1)
    dispatch.most_bytes = 25_600
    return dispatch


def sent(batch):
    return [record.number for record in batch.records]


def keyed(*keys):
    return [Record(number, 1, key, b"x" * 100) for number, key in enumerate(keys, 1)]


def test_what_failed_holds_back_its_key_only():
    dispatch, some = strict("s order=strict"), keyed("a", "b", "a", "b", "a")
    dispatch.add(some, 0.0)
    first = dispatch.load(1 << 20, 0.0)
    assert sent(first) == [1, 2]
    dispatch.settled([some[1]])
    dispatch.put_back([some[0]], 5.0)
    assert sent(dispatch.load(1 << 20, 1.0)) == [4]
    assert sent(dispatch.load(1 << 20, 5.0)) == [1]
    dispatch.settled([some[0]])
    assert sent(dispatch.load(1 << 20, 5.0)) == [3]


def test_packed_all_of_a_key_goes_at_once():
    dispatch = strict()
    dispatch.add(keyed(*["a", "b"] * 50), 0.0)
    batch = dispatch.load(1 << 20, 0.0)
    assert len(batch.records) == 100
    assert all(isinstance(entry, Packed) for entry in batch.entries)
    assert dispatch.records == 0


def test_of_a_key_no_second_record_is_under_way():
    dispatch = strict()
    dispatch.most_bytes = 1024
    some = keyed(*["a"] * 50)
    dispatch.add(some, 0.0)
    batch = dispatch.load(1 << 20, 0.0)
    assert 1 < len(batch.records) < 10
    assert not dispatch.load(1 << 20, 0.0).records
    assert dispatch.next_due(7.0) < 7.1
    dispatch.settled(batch.records)
    assert sent(dispatch.load(1 << 20, 0.0))[0] == len(batch.records) + 1


def test_a_record_kept_elsewhere_holds_back_its_key():
    dispatch, some = strict(), keyed("a", "a", "b")
    dispatch.hold(some[:1])
    dispatch.add(some[1:], 0.0)
    assert sent(dispatch.load(1 << 20, 0.0)) == [3]
    dispatch.put_back(some[:1])
    assert sent(dispatch.load(1 << 20, 0.0)) == [1, 2]


def test_halves_go_one_after_the_other_and_what_fails_stands_first_again():
    dispatch, some = strict("s order=strict"), keyed("a", "b", "c", "d")
    dispatch.add(some, 0.0)
    dispatch.halve(dispatch.load(1 << 20, 0.0).records)
    part = dispatch.load(1 << 20, 0.0)
    assert (sent(part), part.part) == ([1, 2], True)
    assert not dispatch.load(1 << 20, 0.0).records
    dispatch.part_returned()
    dispatch.part_again(part.records[:1], 3.0)
    assert not dispatch.load(1 << 20, 2.9).records
    assert sent(dispatch.load(1 << 20, 3.0)) == [1]
    dispatch.part_returned()
    assert sent(dispatch.load(1 << 20, 3.0)) == [3, 4]


def test_nothing_is_remembered_of_keys_that_are_done_with():
    dispatch, some = strict(), keyed("a", "b", "a")
    dispatch.add(some, 0.0)
    dispatch.settled(dispatch.load(1 << 20, 0.0).records)
    assert (dispatch.records, dispatch.counted_bytes, dispatch._lines._lines) == (0, 0, {})
    assert dispatch.next_due(0.0) is None


def test_the_oldest_that_waits_is_known():
    for dispatch in (strict(), Dispatch(Destination.parse("s"), 0.1)):
        assert dispatch.oldest() is None
        dispatch.add(keyed("a", "b")[1:], 0.0)
        assert dispatch.oldest() == 2
