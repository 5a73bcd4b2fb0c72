"""The waiting records of one key: what is taken, and in which order records return."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.delivery.key_queue import KeyQueue, ShardQueue
from bridge.kinesis.limits import counted_bytes
from bridge.model import Record

ALL = 1 << 30


def record(number, size=10):
    return Record(number, 1, "ä", bytes(size))


def queue(*records):
    made = KeyQueue("ä", ShardQueue(), ordered=True)
    made.records.extend(records)
    made.size = sum(map(counted_bytes, records))
    return made


def numbers(records):
    return [each.number for each in records]


@pytest.mark.parametrize(
    ("max_records", "max_bytes", "taken"),
    [(2, ALL, [1, 2]), (9, ALL, [1, 2, 3]), (0, ALL, []), (9, 24, [1, 2]), (9, 23, [1]), (9, 11, []), (9, 0, [])],
)
def test_key_queue_takes_records_within_both_limits(max_records, max_bytes, taken):
    made = queue(record(1), record(2), record(3))
    found, size = made.take(max_records, max_bytes)
    assert numbers(found) == taken
    assert size == 12 * len(taken)
    assert (made.size, len(made.records)) == (36 - size, 3 - len(taken))


def test_key_queue_takes_no_small_record_before_a_large_one():
    made = queue(record(1, 100), record(2, 0))
    assert made.take(9, 50) == ([], 0)
    assert numbers(made.records) == [1, 2]


def test_key_queue_with_returned_records_is_sorted():
    made = queue(record(4), record(7), record(9))
    assert made.put_back([record(8), record(2)]) == 24
    assert numbers(made.records) == [2, 4, 7, 8, 9]
    assert made.size == 60


def test_key_queue_that_is_empty_gets_its_records_back():
    made = queue()
    made.put_back(iter([record(2), record(1)]))
    assert numbers(made.records) == [1, 2]


def test_key_queue_keeps_the_order_of_newer_records_before_the_backlog():
    """With `backlog: live_first`, the records of the backlog wait behind newer records."""
    made = queue(record(100), record(101), record(1), record(2))
    made.put_back([record(50)])
    assert numbers(made.records) == [50, 100, 101, 1, 2]


def test_shard_queue_counts_in_both_directions():
    made = ShardQueue()
    made.count(3, 100)
    made.count(-1, -40)
    assert (made.ready_records, made.ready_bytes) == (2, 60)


@given(st.lists(st.integers(0, 500), max_size=40), st.data())
def test_key_queue_after_any_returns_has_all_records_in_order(sizes, data):
    given_records = [record(n, size) for n, size in enumerate(sizes)]
    made = queue(*given_records)
    out = []
    for _ in range(8):
        found, size = made.take(data.draw(st.integers(0, 20)), data.draw(st.integers(0, 4000)))
        assert size == sum(map(counted_bytes, found))
        out += found
        back = [each for each in out if data.draw(st.booleans())]
        if back:
            made.put_back(data.draw(st.permutations(back)))
            out = [each for each in out if each not in back]
        assert numbers(made.records) == sorted(numbers(made.records))
        assert sorted([*made.records, *out]) == given_records
        assert made.size == sum(map(counted_bytes, made.records))
