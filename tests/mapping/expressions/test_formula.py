"""Operators: exact integers, and errors for values that are not numbers."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import TransformError
from bridge.mapping.expressions.expression import ExpressionError, compile_expression

INTEGERS = st.integers(-(2**63), 2**64 - 1) | st.integers(-20, 20)
NUMBERS = INTEGERS | st.floats(allow_nan=False, allow_infinity=False)
FUNCTIONS = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "modulo"}


def search(text, **scope):
    return compile_expression(text).search(scope)


def outcome(text, **scope):
    """The result with its type, or "failed"."""
    try:
        found = search(text, **scope)
    except TransformError:
        return "failed"
    return found, type(found)


@given(a=NUMBERS, b=NUMBERS, sign=st.sampled_from(sorted(FUNCTIONS)))
def test_operator_has_the_results_of_its_function(a, b, sign):
    expected = outcome(f"{FUNCTIONS[sign]}(a, b)", a=a, b=b)
    assert outcome(f"a {sign} b", a=a, b=b) == expected
    if b or sign not in "/%":  # a divisor of zero that is written out is an error of the mapping
        assert outcome(f"a {sign} `{b!r}`", a=a) == expected
    assert outcome(f"`{a!r}` {sign} b", b=b) == expected


@given(a=INTEGERS, b=INTEGERS.filter(bool))
def test_floor_division_of_integers_is_exact(a, b):
    fits = -(2**63) <= a // b < 2**64
    assert outcome("a // b", a=a, b=b) == ((a // b, int) if fits else "failed")


@given(
    parts=st.lists(st.tuples(st.sampled_from("+-*"), st.integers(-9, 9)), min_size=1, max_size=6),
    first=st.integers(-9, 9),
)
def test_formula_has_the_result_of_exact_arithmetic(parts, first):
    text = f"`{first}`" + "".join(f" {sign} n{place}" for place, (sign, _) in enumerate(parts))
    exact = str(Fraction(first)) + "".join(f" {sign} ({number})" for sign, number in parts)
    scope = {f"n{place}": number for place, (_, number) in enumerate(parts)}
    assert search(text, **scope) == eval(exact)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("round((payload.f - 32) * 5 / 9, 1)", 21.7),
        ("7 / 2", 3.5),
        ("6 / 3", 2),
        ("9007199254740993 * 2 / 2", 9007199254740993),
        ("-7 // 2", -4),
        ("-7 % 24", 17),
        ("7.5 // 2", 3.0),
        ("-payload.n", -3),
        ("+payload.n", 3),
        ("- 9223372036854775808", -(2**63)),
        ("2 * payload.n + 1 == 7", True),
        ("[payload.n * 2, -1]", [6, -1]),
        ("{a: payload.n * 2, b: 1e3}", {"a": 6, "b": 1000.0}),
        ("payload.n > 2 ? 'high' : 'low'", "high"),
        ("payload.l[?@ * 2 > 3]", [2, 3]),
        ("map(&@ * 10, payload.l)", [10, 20, 30]),
        ("payload.missing && payload.missing * 2", None),
    ],
)
def test_formula_reads_like_one(text, result):
    found = search(text, payload={"f": 71, "n": 3, "l": [1, 2, 3]})
    assert found == result
    assert type(found) is type(result)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a + b", "the left operand of '+' (a) must be a number, found null"),
        ("1 - p.x.y", "the right operand of '-' (p.x.y) must be a number, found null"),
        ("1 - $p.x", "the right operand of '-' ($p.x) must be a number, found null"),
        (
            "s * 2",
            "the left operand of '*' (s) must be a number, found string '12'; to_number() reads a number from text",
        ),
        ("l * 2", "found an array of 1; map(&…, list) calculates with each element"),
        ("t + 1", "must be a number, found true"),
        ("-s", "the operand of '-' (s) must be a number"),
        ("+l", "the operand of '+' (l) must be a number"),
        ("max(l) / z", "'/': division by zero"),
        ("1 % z", "'%': division by zero"),
        ("1 // z", "'//': division by zero"),
        ("big * big", "the result does not fit 64 bits"),
        ("-big", "the result does not fit 64 bits"),
        ("huge * huge", "the result is not a finite number"),
        ("1 / (huge * huge)", "the result is not a finite number"),
        ("sum(bigs) * 0.5", "the numbers are too large"),
    ],
)
def test_operand_that_is_no_number_is_an_error_of_the_message(text, message):
    scope = {"p": {}, "s": "12", "l": [4], "t": True, "z": 0, "big": 2**63 + 1, "huge": 1e300, "bigs": [10**400]}
    with pytest.raises(TransformError) as caught:
        search(text, **scope)
    assert message in caught.value.detail


@pytest.mark.parametrize(
    ("text", "message", "offset"),
    [
        ("a / 0", "'/': division by zero", 2),
        ("a % 0.0", "'%': division by zero", 2),
        ("a // (1 - 1)", "'//': division by zero", 2),
        ("a.b + 'x'", "the right operand of '+' must be a number, found string 'x'", 4),
        ("a + (b * `null`)", "the right operand of '*' must be a number, found null", 7),
        ("1e999", "a literal holds NaN or an infinity", 0),
        ("1" * 401, "a number has at most 400 characters", 0),
    ],
)
def test_operand_that_can_never_be_right_is_an_error_of_the_mapping(text, message, offset):
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text)
    assert message in caught.value.message
    assert caught.value.offset == offset


def test_constant_formula_that_overflows_fails_only_where_it_is_reached():
    text = "a ? 18446744073709551615 * 2 : 'no'"
    assert search(text, a=False) == "no"
    assert outcome(text, a=True) == "failed"


@given(value=st.floats())
def test_results_are_always_finite(value):
    for text in ("a * 2", "a + a", "a / 3", "-a", "a % 7", "a // 3"):
        found = outcome(text, a=value)
        assert found == "failed" or math.isfinite(found[0])


def test_operands_are_evaluated_once_from_left_to_right():
    class Logged(dict):
        def get(self, name, default=None):
            read.append(name)
            return super().get(name, default)

    read = []
    assert compile_expression("a + b * c - a").search(Logged(a=1, b=2, c=3)) == 6
    assert read == ["a", "b", "c", "a"]
