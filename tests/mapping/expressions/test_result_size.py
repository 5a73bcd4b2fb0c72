"""The bound of a result's size: it is never below the size that is measured."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import TransformError
from bridge.mapping.expressions.expression import ExpressionError, compile_expression
from bridge.mapping.expressions.functions import FUNCTIONS
from bridge.mapping.expressions.result_size import SCALAR_FUNCTIONS, max_result_size
from bridge.mapping.expressions.syntax.parser import Parser
from tests.mapping.expressions.generated import EXPRESSIONS

SMALLEST_CHARS = 200
"""Constants of an expression count as a part of a copy, so the bound holds for a document of some size."""


@pytest.mark.parametrize("name", sorted(SCALAR_FUNCTIONS))
def test_scalar_function_returns_a_scalar(name):
    assert not any(isinstance(result, list | dict) for _, result in FUNCTIONS[name].examples)


@pytest.mark.parametrize(
    ("text", "copies"),
    [
        ("payload", 1),
        ("[@, @]", 2),
        ("[@, @] | [@, @]", 4),
        ("{a: a, b: b}", 1),
        ("{a: a, b: a}", 2),
        ("[a, b, c] | [@, @]", 2),
        ("a || b", 1),
        ("'x'", 1),
        ("pad(a, 5)", 20),
        ("let $a = [@, @] in [$a, $a]", 4),
        ("map(&[@, @], a)", 2),
        (f"[].{{a: '{'x' * 1000}'}}", 10),
    ],
)
def test_max_result_size_counts_copies_of_the_document(text, copies):
    assert max_result_size(Parser(text).parse()) == copies


@settings(deadline=None)
@given(text=EXPRESSIONS, letters=st.text("ab", min_size=SMALLEST_CHARS, max_size=2 * SMALLEST_CHARS))
def test_result_is_not_larger_than_its_bound(text, letters):
    scope = {"a": letters, "b": [letters, {"a": letters}], "c": {"a": letters, "d": [letters]}}
    try:
        result = compile_expression(text).search(scope)
    except (ExpressionError, TransformError):
        return
    bound = max_result_size(Parser(text).parse())
    assert len(orjson.dumps(result)) <= (bound + 1) * len(orjson.dumps(scope))
