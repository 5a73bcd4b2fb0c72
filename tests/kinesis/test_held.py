from bridge.kinesis.held import Batch, Held
from bridge.kinesis.limits import MAX_REQUEST_BYTES, counted_bytes
from tests.stand_in.stream_queue import records


def numbers(batch):
    return [record.number for record in batch.records]


def test_what_is_due_comes_in_the_order_of_numbers():
    held, some = Held(), records(4)
    held.add(some[2:], {}, due=1.0)
    held.add(some[:2], {}, due=2.0)
    assert numbers(held.take(1.5)) == [3, 4]
    assert numbers(held.take(2.0)) == [1, 2]
    assert numbers(held.take(9.0)) == []


def test_a_request_is_never_overfilled():
    held = Held()
    held.add(records(501), {}, due=0.0)
    assert len(held.take(0.0).records) == 500
    assert numbers(held.take(0.0)) == [501]


def test_the_bytes_of_a_request_are_counted():
    held = Held()
    held.add(records(11, data=b"x" * (1024 * 1024 - 9), key="machine-1"), {}, due=0.0)
    batch = held.take(0.0)
    assert len(batch.records) == 10
    assert batch.counted_bytes == MAX_REQUEST_BYTES


def test_the_counts_come_and_go_with_the_records():
    held, some = Held(), records(3)
    held.add(some, {}, due=0.0)
    assert (held.records, held.counted_bytes) == (3, sum(map(counted_bytes, some)))
    held.take(0.0)
    assert (held.records, held.counted_bytes) == (0, 0)


def test_parts_come_first_and_one_by_one():
    held, some = Held(), records(3)
    held.add([some[2]], {}, due=0.0)
    held.add_parts(Batch(some[:2], 2).halves())
    assert [numbers(held.take(0.0)) for _ in range(3)] == [[1], [2], [3]]


def test_attempts_travel_with_a_record():
    held = Held()
    held.add(records(2), {2: 3}, due=0.0)
    assert held.most_attempts() == 3
    batch = held.take(0.0)
    assert batch.attempts == {2: 3}
    assert batch.attempts_now(batch.records) == {1: 1, 2: 4}


def test_a_whole_requests_failure_is_not_held_against_its_records():
    assert Batch(records(2), 2, {2: 3}).marked_sent(records(2)) == {1: 1, 2: 3}


def test_it_knows_when_to_look_again():
    held = Held()
    assert held.next_due() is None
    held.add(records(1), {}, due=5.0)
    held.add(records(1), {}, due=3.0)
    assert held.next_due() == 3.0
