import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.expressions.selection import chain, index, literal, multi_select_list, part, sequence

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
VALUES = SCALARS | st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
)


def member(value, name):
    return value.get(name) if isinstance(value, dict) else None


@given(VALUES, st.lists(st.sampled_from("abc"), max_size=4))
def test_chain_of_any_length_reads_each_member_or_null(value, names):
    expected = value
    for name in names:
        expected = member(expected, name)
    assert chain(tuple(names))(value) is expected


@given(VALUES, st.integers(-4, 4) | st.integers())
def test_index_beyond_a_list_or_of_another_value_is_null(value, place):
    found = index(place)(value)
    if isinstance(value, list) and -len(value) <= place < len(value):
        assert found is value[place]
    else:
        assert found is None


@given(VALUES, *[st.none() | st.integers(-4, 4)] * 2, st.none() | st.sampled_from([1, 2, -1, -2, 2**70]))
def test_slice_of_a_value_that_is_no_list_is_null(value, start, stop, step):
    found = part(slice(start, stop, step))(value)
    assert found == (value[start:stop:step] if isinstance(value, list) else None)


@pytest.mark.parametrize("names", ["a", "ab", "abc", "abcd"])
def test_sequence_evaluates_each_step_on_the_result_before(names):
    steps = [lambda value, name=name: value + name for name in names]
    assert sequence(steps)("") == names


def test_sequence_continues_after_a_null_result():
    assert sequence([literal(None), lambda value: value is None, lambda value: [value]])(1) == [True]


def test_literal_is_the_same_for_each_value():
    constant = {"a": 1}
    assert literal(constant)(None) is literal(constant)(5) is constant


@pytest.mark.parametrize(("value", "result"), [(None, None), (False, [False, 1]), ([], [[], 1]), ({}, [{}, 1])])
def test_list_of_expressions_is_null_only_for_null(value, result):
    assert multi_select_list([lambda value: value, literal(1)])(value) == result
