from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.spool.queue.ranges import merged, minus, numbers_in, runs

some_spans = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda two: tuple(sorted(two))), max_size=6)


def numbers(spans):
    return {number for first, before in spans for number in range(first, before)}


@given(some_spans, some_spans)
def test_ranges_behave_like_sets_of_numbers(some, others):
    some, others = merged(some), merged(others)
    found = minus(some, others)
    assert numbers(found) == numbers(some) - numbers(others)
    assert found == sorted(found)
    assert numbers_in(found) == len(numbers(found))
    assert all(first < before for first, before in found)


@given(some_spans)
def test_merged_they_are_the_same_numbers_with_room_between_them(some):
    found = merged(some)
    assert numbers(found) == numbers(some)
    assert all(one[1] < two[0] for one, two in pairwise(found))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], []),
        ([7], [(7, 7)]),
        ([1, 2, 3], [(1, 3)]),
        ([1, 2, 4, 5, 9], [(1, 2), (4, 5), (9, 9)]),
        ([3, 1, 2], [(1, 3)]),
        ([1, 5, 3], [(1, 1), (3, 3), (5, 5)]),
    ],
)
def test_runs_are_first_and_last_of_each_run(found, expected):
    assert list(runs(found)) == expected


@given(st.sets(st.integers(1, 60)))
def test_runs_hold_exactly_the_numbers_given(found):
    assert [number for first, last in runs(found) for number in range(first, last + 1)] == sorted(found)
