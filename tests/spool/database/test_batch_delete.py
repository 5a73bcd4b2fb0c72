"""Records are deleted in few statements, and no other records are deleted."""

import sqlite3
from contextlib import closing

from hypothesis import given
from hypothesis import strategies as st

from bridge.spool.database.batch_delete import delete_records


def removed(there, gone):
    """Delete numbers from a table with the numbers `there`.

    Return the remaining numbers, and the number of statements.
    """
    statements = []
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.execute("create table queue_3 (number integer primary key)")
        database.executemany("insert into queue_3 values (?)", [(number,) for number in there])
        database.set_trace_callback(statements.append)
        delete_records(database, 3, gone)
        database.set_trace_callback(None)
        return {number for (number,) in database.execute("select number from queue_3")}, len(statements)


@given(st.sets(st.integers(1, 700), max_size=400), st.lists(st.integers(1, 700), max_size=600))
def test_batch_delete_removes_exactly_the_given_numbers(there, gone):
    left, _ = removed(there, gone)
    assert left == there - set(gone)


def test_remove_run_and_scattered_numbers_takes_one_statement_each():
    assert removed(range(5000), range(2000)) == (set(range(2000, 5000)), 1)
    left, statements = removed(range(5000), range(0, 4000, 4))
    assert (len(left), statements) == (4000, 1)


def test_remove_nothing_takes_no_statement():
    assert removed({1}, []) == ({1}, 0)


def test_remove_number_of_64_bits_takes_that_record_only():
    last = 2**63 - 1
    assert removed({1, last - 1, last}, [1, last])[0] == {last - 1}


def test_number_given_twice_takes_no_other_with_it():
    assert removed({1, 2, 3}, [1, 1, 3])[0] == {2}
