from operator import ge, gt, le, lt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import TransformError
from bridge.mapping.expressions.comparators import both, compare, either, equal, equal_to_text, negated
from bridge.mapping.expressions.selection import literal

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=2)
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.sampled_from("ab"), SCALARS, max_size=2)
ORDERINGS = {"lt": lt, "lte": le, "gt": gt, "gte": ge}


def compared(name, left, right):
    return compare(name, literal(left), literal(right))(None)


@pytest.mark.parametrize(
    ("left", "right", "result"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        (False, 0.0, False),
        (True, True, True),
        (None, False, False),
        (None, None, True),
        ("1", 1, False),
        (2**53, 2.0**53, True),
        (2**53 + 1, 2.0**53, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ([1, 2], [2, 1], False),
        ("é", "e\u0301", False),
    ],
)
def test_equal_distinguishes_types_and_orders_of_lists_only(left, right, result):
    assert equal(left, right) is equal(right, left) is result
    assert (compared("eq", left, right), compared("ne", left, right)) == (result, not result)


@given(VALUES, st.text(max_size=2))
def test_equal_to_text_is_the_comparison_with_a_literal(value, text):
    for name in ("eq", "ne"):
        assert equal_to_text(name, literal(value), text)(None) is compared(name, value, text)


@given(VALUES, VALUES)
def test_ordering_needs_two_numbers_or_two_texts(left, right):
    kinds = {type(left), type(right)}
    for name, operation in ORDERINGS.items():
        if kinds <= {int, float} or kinds == {str}:
            assert compared(name, left, right) is operation(left, right)
        elif kinds <= {int, float, str}:
            with pytest.raises(TransformError, match="cannot order"):
                compared(name, left, right)
        else:
            assert compared(name, left, right) is None


def test_ordering_of_text_and_number_names_the_sign_and_both_values():
    with pytest.raises(TransformError) as caught:
        compared("lte", "hot", 5)
    assert caught.value.detail == "<= cannot order string 'hot' and number 5"


def test_equal_of_values_that_are_nested_too_deeply_is_an_error():
    left, right = [], []
    for _ in range(5000):
        left, right = [left], [right]
    with pytest.raises(TransformError, match="nested too deeply"):
        equal(left, right)


def raising(_value):
    raise AssertionError("the second operand is not needed")


@pytest.mark.parametrize(("value", "true"), [(0, True), ("a", True), ("", False), ([], False), (None, False)])
def test_logical_operators_return_an_operand_and_stop_early(value, true):
    operand = literal(value)
    assert negated(operand)(None) is not true
    assert either(operand, raising if true else literal("other"))(None) == (value if true else "other")
    assert both(operand, literal("other") if true else raising)(None) == ("other" if true else value)
