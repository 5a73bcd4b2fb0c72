import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model import Record
from bridge.spool.transaction import Transaction, pending_bytes, ranges
from tests.spool.spools import letter, opened


def records(numbers):
    return [Record(number, 1, "k", b"") for number in numbers]


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([], []),
        ([7], [(7, 7)]),
        ([1, 2, 3], [(1, 3)]),
        ([1, 2, 4, 5, 9], [(1, 2), (4, 5), (9, 9)]),
        ([3, 1, 2], [(1, 3)]),
        ([1, 5, 3], [(1, 1), (3, 3), (5, 5)]),
    ],
)
def test_the_runs_of_numbers(numbers, expected):
    assert list(ranges(records(numbers))) == expected


@given(st.lists(st.integers(1, 60)))
def test_the_runs_hold_exactly_the_numbers_given_in_whatever_order(numbers):
    covered = [number for first, last in ranges(records(numbers)) for number in range(first, last + 1)]
    assert covered == sorted(set(numbers))


def test_an_empty_transaction_says_so():
    assert Transaction().empty
    changes = [{"letters": [letter()]}, {"removed": {1: letter()}}, {"amended": [("c", "d", 1)]}]
    for options in (*changes, {"packets": {1: False}}, {"forget_packets": True}):
        assert not Transaction(**options).empty
    assert not Transaction(held_filters=frozenset()).empty
    counted = Transaction()
    counted.filtered[1, 1] += 1
    assert not counted.empty


def test_what_a_transaction_takes_on_disk_is_about_what_it_holds(tmp_path):
    spool = opened(tmp_path)
    queue = spool.queue("press")
    for _ in range(1000):
        queue.append(1, None, bytes(200))
    guessed = pending_bytes([queue], Transaction(letters=[letter(payload=bytes(100_000))]))
    spool._database.execute("pragma wal_checkpoint(truncate)").fetchall()
    before = spool.used_bytes
    spool.commit(Transaction(letters=[letter(payload=bytes(100_000))]))
    spool._database.execute("pragma wal_checkpoint(truncate)").fetchall()
    assert 0.8 < (spool.used_bytes - before) / guessed < 1.25
    spool.close()
