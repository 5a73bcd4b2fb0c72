import pytest

from bridge.errors import TransformError
from bridge.mapping.expressions.expression import compile_expression

MACHINES = [{"n": 2, "s": "b"}, {"n": 1, "s": "a"}, {"n": 2, "s": "a"}]


def search(text, scope=MACHINES):
    return compile_expression(text).search(scope)


def test_equal_elements_keep_their_order():
    assert search("sort_by(@, &n)") == [MACHINES[1], MACHINES[0], MACHINES[2]]


def test_first_of_several_extremes_is_given():
    assert search("max_by(@, &n)") is MACHINES[0]
    assert search("min_by(@, &s)") is MACHINES[1]
    assert search("min_by(@, &s)", []) is None


def test_map_keeps_nulls():
    assert search("map(&x, @)") == [None, None, None]


def test_expression_of_another_type_is_an_error_that_reports_it():
    with pytest.raises(TransformError, match=r"sort_by\(\): the expression must return a number, found null"):
        search("sort_by(@, &n)", [{"n": 1}, {}])
    with pytest.raises(TransformError, match=r"max_by\(\): the expression must return a number or string, found null"):
        search("max_by(@, &x)")
