import math
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.expressions.expression import compile_expression
from tests.mapping.expressions.functions.failing import failure

INTS = st.integers(-(2**63), 2**64 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)


def search(text, **scope):
    return compile_expression(text).search(scope)


@given(a=INTS, b=INTS, name=st.sampled_from(["add", "subtract", "multiply"]))
def test_complete_numbers_are_exact_or_an_error(a, b, name):
    exact = {"add": a + b, "subtract": a - b, "multiply": a * b}[name]
    if -(2**63) <= exact < 2**64:
        result = search(f"{name}(a, b)", a=a, b=b)
        assert (result, type(result)) == (exact, int)
    else:
        assert failure(f"{name}(a, b)", a=a, b=b) == f"{name}(): the result does not fit 64 bits"


@given(a=INTS, b=INTS.filter(bool))
def test_quotient_is_an_integer_or_the_nearest_double(a, b):
    if a % b == 0 and a // b >= 2**64:
        assert "does not fit" in failure("divide(a, b)", a=a, b=b)
        return
    assert search("divide(a, b)", a=a, b=b) == (a // b if a % b == 0 else float(Fraction(a, b)))


def test_add_and_multiply_accept_more_than_two_numbers():
    assert search("add(`1`, `2`, `3`, `0.5`)") == 6.5
    assert search("multiply(`2`, `3`, `7`)") == 42


@pytest.mark.parametrize("text", ["divide(a, `0`)", "modulo(a, `0`)", "divide(a, `0.0`)"])
def test_division_by_zero_is_an_error(text):
    assert "division by zero" in failure(text, a=1)


@pytest.mark.parametrize(("a", "b", "result"), [(-1, 24, 23), (25, 24, 1), (1, -24, -23), (5.5, 2, 1.5)])
def test_remainder_has_the_divisors_sign(a, b, result):
    assert search("modulo(a, b)", a=a, b=b) == result


@pytest.mark.parametrize(
    ("base", "exponent", "result"),
    [(2, 63, 2**63), (-2, 63, -(2**63)), (2, 0.5, math.sqrt(2)), (10, -1, 0.1), (1, 10**18, 1), (-1, 3, -1), (0, 0, 1)],
)
def test_power(base, exponent, result):
    assert search("power(a, b)", a=base, b=exponent) == result


@pytest.mark.parametrize(
    ("base", "exponent", "reason"),
    [
        (10, 10**9, "does not fit 64 bits"),
        (3, 10**18, "does not fit 64 bits"),
        (2, 64, "does not fit 64 bits"),
        (1e300, 2, "the numbers are too large"),
        (-8, 0.5, "no fractional power"),
        (0, -1, "power"),
    ],
)
def test_power_that_cannot_be_reported_is_an_error_at_once(base, exponent, reason):
    assert reason in failure("power(a, b)", a=base, b=exponent)


def test_infinite_result_is_an_error():
    assert "not a finite number" in failure("multiply(a, a)", a=1e300)
    assert "not a finite number" in failure("round(a, `1`)", a=math.inf)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("round(`2.5`)", 3),
        ("round(`-2.5`)", -3),
        ("round(`0.5`)", 1),
        ("round(`2.4999999`)", 2),
        ("round(`1.005`, `2`)", 1.01),
        ("round(`-1.005`, `2`)", -1.01),
        ("round(`7`, `3`)", 7),
        ("round(`15`, `-1`)", 20),
        ("round(`-15`, `-1`)", -20),
        ("round(`14.9`, `-1`)", 10),
        ("round(`1e22`, `2`)", 1e22),
        ("round(`5e-324`, `2`)", 0.0),
        ("round(`9007199254740993`)", 9007199254740993),
        ("round(`9007199254740993`, `2`)", 9007199254740993),
    ],
)
def test_round(text, result):
    found = search(text)
    assert (found, type(found)) == (result, type(result))


@given(number=st.floats(-1e9, 1e9), places=st.integers(1, 6))
def test_rounding_is_that_of_the_number_as_it_is_written(number, places):
    expected = float(Decimal(repr(number)).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP))
    assert search("round(n, p)", n=number, p=places) == expected


@given(thousandths=st.integers(-(10**9), 10**9))
def test_round_of_a_half_goes_away_from_zero(thousandths):
    number = float(f"{thousandths}.5") / 1
    assert search("round(n)", n=number) == thousandths + (1 if thousandths >= 0 and number > 0 else -1)


@pytest.mark.parametrize("decimals", ["`0.5`", "`16`", "`-16`", "`1e300`"])
def test_decimals_are_a_small_complete_number(decimals):
    assert "whole number from -15 to 15" in failure(f"round(a, add({decimals}, z))", a=1.5, z=0)


def test_fahrenheit_to_celsius_as_in_the_design():
    text = "round(multiply(subtract(payload.temperature_f, `32`), `0.5556`), `1`)"
    assert search(text, payload={"temperature_f": 212}) == 100.0


@given(low=FLOATS, high=FLOATS, to_low=INTS, to_high=INTS)
def test_scale_is_exact_at_both_ends(low, high, to_low, to_high):
    if low == high:
        assert "are equal" in failure("scale(a, a, a, `0`, `1`)", a=low)
        return
    text = "scale(n, a, b, c, d)"
    assert search(text, n=low, a=low, b=high, c=to_low, d=to_high) == to_low
    assert search(text, n=high, a=low, b=high, c=to_low, d=to_high) == to_high


def test_clamp():
    assert [search("clamp(n, `0`, `10`)", n=n) for n in (-5, 5, 50, 9.5)] == [0, 5, 10, 9.5]
    assert "low is above high" in failure("clamp(n, `10`, `0`)", n=5)
