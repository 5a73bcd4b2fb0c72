"""Arithmetic functions. Integers are exact, and an integer result of integers stays an integer.

All other results are IEEE 754 doubles. Some results are errors, so that no wrong value passes unnoticed: infinity, NaN,
and integers outside -2^63 … 2^64-1, which is the range in which JSON writers are exact.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any, Final

from bridge.mapping.expressions.functions.function import MISSING, NUMBER, Binding, Function, Parameter, tried
from bridge.mapping.expressions.functions.standard import finite
from bridge.payloads.json_values import MAX_INTEGER, MIN_INTEGER

if TYPE_CHECKING:
    from collections.abc import Callable

# Maximum absolute value of the `decimals` of `round`.
_MAX_DECIMALS: Final = 15
# Magnitude below which adjacent doubles differ by at most 2**-13: a margin of 0.001 around a half is safe.
_EXACT_HALVES: Final = 2**40
# Digits above which `round` changes nothing: a double has only 17 significant digits.
_DIGITS: Final = 25

_A = Parameter("a", ("number",))
_B = Parameter("b", ("number",))
_NUMBER = Parameter("number", ("number",))


def in_range(result: Any) -> Any:
    """Return the result. Raises ValueError if it is outside 64 bits, infinite or NaN."""
    if type(result) is int:
        if MIN_INTEGER <= result <= MAX_INTEGER:
            return result
        raise ValueError("the result does not fit 64 bits")
    return finite(result)


def _add(a: Any, b: Any, *more: Any) -> Any:
    result = in_range(a + b)
    for number in more:
        result = in_range(result + number)
    return result


def _subtract(a: Any, b: Any) -> Any:
    return in_range(a - b)


def _multiply(a: Any, b: Any, *more: Any) -> Any:
    result = in_range(a * b)
    for number in more:
        result = in_range(result * number)
    return result


def _divide(a: Any, b: Any) -> Any:
    if b == 0:
        raise ValueError("division by zero")
    # Integer division is exact even for quotients above 2**53, which a double would round.
    if type(a) is int and type(b) is int and a % b == 0:
        return in_range(a // b)
    return in_range(a / b)


def _modulo(a: Any, b: Any) -> Any:
    if b == 0:
        raise ValueError("division by zero")
    return in_range(a % b)


def _power(base: Any, exponent: Any) -> Any:
    whole = type(base) is int and type(exponent) is int and exponent >= 0
    # This test must come before the power, whose result may have too many digits to compute.
    if whole and abs(base) > 1 and (abs(base).bit_length() - 1) * exponent > 64:  # noqa: PLR2004 - bits of the result
        raise ValueError("the result does not fit 64 bits")
    result = base**exponent if whole else float(base) ** float(exponent)
    if type(result) is complex:
        raise ValueError("a negative number has no fractional power")
    return in_range(result)


def _round(number: Any, decimals: Any = 0) -> Any:
    return _rounded(number, _places(decimals))


def _bind_round(binding: Binding) -> Callable[..., Any]:
    """Return `round` for a literal number of decimals, checked once. Raises ValueError if it is out of range."""
    decimals = binding.literal(1, 0)
    if type(decimals) not in NUMBER:
        return _round  # not a literal: each message has its own number of decimals
    places = _places(decimals)
    return lambda number, *_: _rounded(number, places)


def _places(decimals: Any) -> int:
    # The range is checked first, because `int` would raise another error for infinity.
    if not -_MAX_DECIMALS <= decimals <= _MAX_DECIMALS or decimals != int(decimals):
        raise ValueError(f"decimals must be a whole number from -{_MAX_DECIMALS} to {_MAX_DECIMALS}")
    return int(decimals)


def _rounded(number: Any, places: int) -> Any:
    """Return the number rounded to `places` decimals; an integer if `places` is 0 or less."""
    if places > 0:
        if type(number) is int:
            return number
        scaled = number * 10**places
        # Unless the digit is close to a half, Python's rounding gives the exact result and is five times as fast.
        if -_EXACT_HALVES < scaled < _EXACT_HALVES and abs(scaled % 1.0 - 0.5) > 0.001:  # noqa: PLR2004 - "far"
            return round(number, places)
        return float(_half_up(number, places))
    return number if type(number) is int and places == 0 else in_range(int(_half_up(number, places)))


def _half_up(number: Any, places: int) -> Decimal:
    """Return the decimal number as written, rounded to the nearest; a half is rounded away from zero.

    2.675 ends in a half at two decimals, although the nearest double is smaller.
    """
    # `repr` returns the shortest text of a double, which is the number as the user or the device wrote it.
    exact = Decimal(repr(in_range(number)))
    # A double has at most 17 significant digits, so rounding beyond them changes nothing.
    if exact.adjusted() + places > _DIGITS:
        return exact
    return exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def _scale(number: Any, from_low: Any, from_high: Any, to_low: Any, to_high: Any) -> Any:
    if from_low == from_high:
        raise ValueError("from_low and from_high are equal")
    # At both ends, the result is exact. The formula could round it.
    if number == from_low:
        return to_low
    if number == from_high:
        return to_high
    return in_range(to_low + _divide((number - from_low) * (to_high - to_low), from_high - from_low))


def _both_literal(apply: Callable[..., Any]) -> Callable[[Binding], Callable[..., Any]]:
    """Return a `bind` for `scale` and `clamp` that checks arguments 2 and 3 if both are literals.

    Only the combination can be wrong. Checking one of them against a sample value could report errors that no message
    has.
    """
    check = tried(apply, 0, 0, 1, 0, 1)

    def bind(binding: Binding) -> Callable[..., Any]:
        known = MISSING not in binding.literals[1:3]
        return check(binding) if known else apply

    return bind


def _clamp(number: Any, low: Any, high: Any) -> Any:
    if low > high:
        raise ValueError("low is above high")
    return low if number < low else min(number, high)


_SCALE = tuple(Parameter(name, ("number",)) for name in ("number", "from_low", "from_high", "to_low", "to_high"))
_CLAMP = tuple(Parameter(name, ("number",)) for name in ("number", "low", "high"))

ARITHMETIC: Final[tuple[Function, ...]] = (
    Function(
        "add",
        (_A, _B),
        _add,
        "The sum of two or more numbers.",
        (("add(`1`, `2`)", 3), ("add(`9007199254740992`, `1`)", 9007199254740993)),
        variadic=True,
    ),
    Function("subtract", (_A, _B), _subtract, "The first number less the second.", (("subtract(`5`, `2.5`)", 2.5),)),
    Function(
        "multiply",
        (_A, _B),
        _multiply,
        "The product of two or more numbers.",
        (("multiply(`6`, `7`)", 42),),
        variadic=True,
    ),
    Function(
        "divide",
        (_A, _B),
        _divide,
        "The quotient: whole if whole numbers divide evenly. By zero is an error.",
        (("divide(`6`, `3`)", 2), ("divide(`7`, `2`)", 3.5)),
        bind=tried(_divide, 1, 1),
    ),
    Function(
        "modulo",
        (_A, _B),
        _modulo,
        "The remainder, with the sign of the divisor.",
        (("modulo(`7`, `3`)", 1), ("modulo(`-1`, `24`)", 23)),
        bind=tried(_modulo, 1, 1),
    ),
    Function(
        "power",
        (Parameter("base", ("number",)), Parameter("exponent", ("number",))),
        _power,
        "The base to the power of the exponent.",
        (("power(`2`, `10`)", 1024), ("power(`10`, `-2`)", 0.01)),
    ),
    Function(
        "round",
        (_NUMBER, Parameter("decimals", ("number",))),
        _round,
        "Round to a number of decimals (default 0; below 0: tens, hundreds). Halves, as the number is written, are "
        "rounded away from zero. Without decimals the result is an integer.",
        (
            ("round(`2.675`, `2`)", 2.68),
            ("round(`-2.5`)", -3),
            ("round(`1250`, `-2`)", 1300),
            ("round((70 - 32) * 5 / 9, 1)", 21.1),
        ),
        optional=1,
        bind=_bind_round,
    ),
    Function(
        "scale",
        _SCALE,
        _scale,
        "From one range to another, in proportion; exact at both ends, not clamped.",
        (("scale(`12`, `4`, `20`, `0`, `100`)", 50), ("scale(`8.5`, `4`, `20`, `0`, `10`)", 2.8125)),
        cost=4,
        bind=_both_literal(_scale),
    ),
    Function(
        "clamp",
        _CLAMP,
        _clamp,
        "The number, but no less than low and no more than high.",
        (("clamp(`130`, `0`, `100`)", 100),),
        bind=_both_literal(_clamp),
    ),
)
