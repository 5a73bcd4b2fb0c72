import pytest

from bridge.errors import TransformError
from bridge.mapping.expressions.expression import compile_expression

TABLES = {"assets": {"press07": {"name": "Press 7", "line": 3}, "7": "seven", "none": None}, "units": {"t": "degC"}}


def search(text, **scope):
    return compile_expression(text, TABLES).search(scope)


@pytest.mark.parametrize(
    ("condition", "result"), [(0, "yes"), ("", "no"), ([], "no"), (None, "no"), (False, "no"), ("x", "yes")]
)
def test_if_takes_its_branch_by_jmespath_truth(condition, result):
    assert search("if(c, 'yes', 'no')", c=condition) == result


def test_if_without_else_gives_null():
    assert search("if(c, 'yes')", c=None) is None


def test_if_evaluates_only_the_branch_it_takes():
    text = "if(type(n) == 'number', round(n), 'none')"
    assert search(text, n=1.6) == 2
    assert search(text, n="x") == "none"


def test_lookup_gives_the_entry():
    assert search("lookup('assets', m).name", m="press07") == "Press 7"


@pytest.mark.parametrize("key", [7, 7.0, "7"])
def test_number_is_looked_up_as_it_is_written(key):
    assert search("lookup('assets', k)", k=key) == "seven"


def test_missing_key_gives_the_default_or_null():
    assert search("lookup('assets', 'x')") is None
    assert search("lookup('assets', 'x', 'unknown')") == "unknown"
    assert search("lookup('assets', 'none', 'unknown')") is None


def test_table_may_come_from_the_message():
    assert search("lookup(t, 't')", t="units") == "degC"
    with pytest.raises(TransformError, match=r"there is no table 'unit'; did you mean 'units'\?"):
        search("lookup(t, 't')", t="unit")
