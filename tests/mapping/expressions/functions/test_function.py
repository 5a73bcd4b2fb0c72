import pytest

from bridge.errors import TransformError
from bridge.mapping.expressions.expression import compile_expression
from bridge.mapping.expressions.functions import FUNCTIONS
from bridge.mapping.expressions.functions.conditional import EXAMPLE_TABLES

EXAMPLES = [
    pytest.param(text, result, id=text) for function in FUNCTIONS.values() for text, result in function.examples
]


@pytest.mark.parametrize(("text", "result"), EXAMPLES)
def test_example_gives_what_the_reference_reports(text, result):
    found = compile_expression(text, EXAMPLE_TABLES).search({})
    assert found == result
    assert type(found) is type(result)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_functions_are_documented(function):
    assert function.summary.endswith(".")
    assert function.examples
    assert all(f"{function.name}(" in text for text, _ in function.examples)


def test_signature_shows_what_may_be_left_out_or_repeated():
    assert FUNCTIONS["pad"].signature == "pad(text, width[, fill[, side]])"
    assert FUNCTIONS["add"].signature == "add(a, b, …)"


@pytest.mark.parametrize(
    ("text", "scope", "message"),
    [
        ("lower(a)", {"a": 5}, "lower(): argument 1 (text) must be a string, found number 5"),
        ("add(a, `1`)", {}, "add(): argument 1 (a) must be a number, found null"),
        ("add(`1`, a)", {"a": True}, "add(): argument 2 (b) must be a number, found true"),
        ("keys(a)", {"a": [1, 2]}, "keys(): argument 1 (object) must be an object, found an array of 2"),
        ("sum(a)", {"a": [1, "x"]}, "sum(): argument 1 (numbers) must be an array of numbers, found string 'x' at [1]"),
        (
            "max(a)",
            {"a": ["x", 1]},
            "max(): argument 1 (values) must be an array of numbers or an array of strings, found number 1 at [1]",
        ),
        ("join(',', a)", {"a": [None]}, "join(): argument 2 (texts) must be an array of strings, found null at [0]"),
        ("abs(a)", {"a": {"b": 1}}, "abs(): argument 1 (number) must be a number, found an object of 1"),
        ("abs(a)", {"a": "x" * 100}, f"abs(): argument 1 (number) must be a number, found string '{'x' * 39}…'"),
        ("clamp(a, `0`, b)", {"a": 1, "b": "x"}, "clamp(): argument 3 (high) must be a number, found string 'x'"),
    ],
)
def test_argument_of_the_wrong_type_is_named(text, scope, message):
    with pytest.raises(TransformError) as caught:
        compile_expression(text).search(scope)
    assert caught.value.detail == message
