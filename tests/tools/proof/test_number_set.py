import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.tools.proof.number_set import BLOCK_NUMBERS, NumberSet

NUMBERS = st.lists(st.integers(0, 40) | st.integers(BLOCK_NUMBERS - 20, BLOCK_NUMBERS + 20) | st.integers(0, 1 << 48))
SPAN = st.tuples(st.integers(0, 3 * BLOCK_NUMBERS), st.integers(0, 3 * BLOCK_NUMBERS)).map(sorted)


def set_of(numbers):
    made = NumberSet()
    for number in numbers:
        made.add(number)
    return made


@given(NUMBERS, SPAN)
def test_number_set_is_a_set(numbers, span):
    made, model = NumberSet(), set()
    for number in numbers:
        assert made.add(number) is (number not in model)
        model.add(number)
    first, last = span
    within = sorted(number for number in model if first <= number <= last)
    assert [number for low, high in made.runs(first, last) for number in range(low, high + 1)] == within
    absent = [number for low, high in made.gaps(first, last) for number in range(low, high + 1)]
    assert absent == [number for number in range(first, last + 1) if number not in model]
    assert (made.size, made.count(first, last), made.highest) == (len(model), len(within), max(model, default=-1))
    assert all(number in made for number in model)


@given(NUMBERS)
def test_number_set_comes_back_from_what_was_stored(numbers):
    made = set_of(numbers)
    again = NumberSet.of(made.stored())
    assert list(again.runs(0, 1 << 48)) == list(made.runs(0, 1 << 48))
    assert (again.size, again.blocks) == (made.size, made.blocks)
    assert again.add(7) is (7 not in numbers)


def test_complete_blocks_take_no_bits():
    made = set_of(range(3 * BLOCK_NUMBERS))
    assert made.stored() == {"0": "", "1": "", "2": ""}
    assert list(made.runs(0, 1 << 48)) == [(0, 3 * BLOCK_NUMBERS - 1)]
    assert not made.add(5)


def test_gaps_of_a_claimed_range_do_not_depend_on_its_size():
    made = set_of([5, 1 << 40])
    assert list(made.gaps(0, 1 << 47)) == [(0, 4), (6, (1 << 40) - 1), ((1 << 40) + 1, 1 << 47)]


@pytest.mark.parametrize("stored", [{"0": "AA=="}, {"x": ""}, {"0": "eJwDAAAAAAE="}])
def test_stored_value_of_another_form_is_an_error(stored):
    with pytest.raises(ValueError, match=r"a block of numbers|invalid literal"):
        NumberSet.of(stored)
