import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.expressions.syntax.operands import MAX_NUMBER_CHARS
from tests.mapping.expressions.syntax.trees import failure, shape, tree

NAMES = ("quoted_identifier", "unquoted_identifier")


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_number_without_back_quotes_has_its_value_and_type(value):
    found = tree(repr(value))["value"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("-0", 0), ("0.5", 0.5), ("1e3", 1000.0), ("-10", -10)])
def test_number_is_written_as_in_json(text, value):
    assert shape(tree(text)) == ("literal", value)


@pytest.mark.parametrize(("text", "offset"), [("007", 0), ("a + -01", 4), ("00", 0), ("01.5", 0)])
def test_number_with_leading_zeros_is_an_error(text, offset):
    assert failure(text) == (offset, (), "a number has no leading zeros")


def test_number_has_digits_up_to_the_limit():
    digits = "1" * MAX_NUMBER_CHARS
    assert tree(f"-{digits}")["value"] == -int(digits)
    assert failure(f"a + {digits}1") == (4, (), "a number has at most 400 characters")


@pytest.mark.parametrize(("text", "value"), [("a", "a"), ('"a b"', "a b"), ('""', ""), ("let", "let"), ("in", "in")])
def test_name_is_a_field(text, value):
    assert shape(tree(text)) == ("field", value)


def test_name_of_a_function_in_quotes_is_an_error():
    assert failure('a | "length"(b)') == (4, (), "a function's name has no quotes")


@pytest.mark.parametrize(
    ("text", "offset", "expected", "message"),
    [
        ("let $a in b", 7, ("assign",), ""),
        ("let $a = in b", 12, (), "`in` and an expression must follow the values of `let`"),
        ("let $a = b, in c", 12, ("variable",), ""),
        ("let $a = b", 10, (), "`in` and an expression must follow the values of `let`"),
        ('let $a = b "in" c', 11, (), "`in` and an expression must follow the values of `let`"),
        ("let $a = b in", 13, (), ""),
    ],
)
def test_let_that_is_not_complete_is_an_error(text, offset, expected, message):
    assert failure(text) == (offset, expected, message)


def test_let_has_its_values_before_its_body():
    assert shape(tree("let $a = x, $b = $a in $b")) == (
        "let_expression",
        ("field", "x"),
        ("variable", "a"),
        ("variable", "b"),
    )


@pytest.mark.parametrize("text", ["{a: x, b: y}", "{a: x b: y}"])
def test_object_accepts_a_missing_comma(text):
    assert [pair["value"] for pair in tree(text)["children"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [("{}", 1, NAMES), ("{a}", 2, ("colon",)), ("{a: x,}", 6, NAMES), ("{a: x", 5, NAMES), ("{1: x}", 1, NAMES)],
)
def test_object_that_is_not_complete_is_an_error(text, offset, expected):
    assert failure(text) == (offset, expected, "")


@pytest.mark.parametrize(("text", "offset"), [("(a", 2), ("(a]", 2), ("()", 1), ("(", 1), ("!", 1), ("-", 1), ("&", 1)])
def test_operand_that_is_not_complete_is_an_error(text, offset):
    assert failure(text)[0] == offset


def test_signs_bind_only_their_operand():
    assert shape(tree("!a == -b.c")) == (
        "comparator",
        "eq",
        ("not_expression", ("field", "a")),
        ("unary", "minus", ("subexpression", ("field", "b"), ("field", "c"))),
    )
