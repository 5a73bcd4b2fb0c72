"""Arithmetic functions.

If the arguments are integers and the exact result is an integer, the result is an exact integer. All other results are
64-bit floats. A result that JSON cannot represent exactly is an error: infinity, NaN, and integers outside the range
from -2^63 to 2^64-1.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any, Final

from bridge.mapping.expressions.functions.function import MISSING, NUMBER, Binding, Function, Parameter, tried
from bridge.mapping.expressions.functions.standard import finite
from bridge.payloads.json_values import MAX_INTEGER, MIN_INTEGER

if TYPE_CHECKING:
    from collections.abc import Callable

# Maximum number of decimals that `round` accepts. The minimum is the negative of this number.
_MAX_DECIMALS: Final = 15
# Up to this magnitude, adjacent floats differ by at most 2**-13. So Python rounds a number correctly if the number is
# more than 0.001 away from a half, such as 0.5 or 2.5.
_EXACT_HALVES: Final = 2**40
# A float has at most 17 significant digits. So rounding to this number of digits never changes a float.
_DIGITS: Final = 25

_A = Parameter("a", ("number",))
_B = Parameter("b", ("number",))
_NUMBER = Parameter("number", ("number",))


def in_range(result: Any) -> Any:
    """Return the result. Raise ValueError if it exceeds 64 bits, is infinite or is NaN."""
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
    # The division of integers is exact. A float would round quotients above 2**53.
    if type(a) is int and type(b) is int and a % b == 0:
        return in_range(a // b)
    return in_range(a / b)


def _modulo(a: Any, b: Any) -> Any:
    if b == 0:
        raise ValueError("division by zero")
    return in_range(a % b)


def _power(base: Any, exponent: Any) -> Any:
    whole = type(base) is int and type(exponent) is int and exponent >= 0
    # Estimate the number of bits before computing the power, because computing a result with millions of digits takes
    # very long.
    if whole and abs(base) > 1 and (abs(base).bit_length() - 1) * exponent > 64:  # noqa: PLR2004
        raise ValueError("the result does not fit 64 bits")
    result = base**exponent if whole else float(base) ** float(exponent)
    if type(result) is complex:
        raise ValueError("a negative number has no fractional power")
    return in_range(result)


def _round(number: Any, decimals: Any = 0) -> Any:
    return _rounded(number, _places(decimals))


def _bind_round(binding: Binding) -> Callable[..., Any]:
    """Return `round` for a call. Raise ValueError if the number of decimals is a literal and is out of range."""
    decimals = binding.literal(1, 0)
    # If the number of decimals is not a literal, `_round` checks it for each message.
    if type(decimals) not in NUMBER:
        return _round
    places = _places(decimals)
    return lambda number, *_: _rounded(number, places)


def _places(decimals: Any) -> int:
    """Return the number of decimals as an integer. Raise ValueError if it is out of range or not whole."""
    # The range is checked first, because `int` would raise OverflowError for infinity.
    if not -_MAX_DECIMALS <= decimals <= _MAX_DECIMALS or decimals != int(decimals):
        raise ValueError(f"decimals must be a whole number from -{_MAX_DECIMALS} to {_MAX_DECIMALS}")
    return int(decimals)


def _rounded(number: Any, places: int) -> Any:
    """Return the number rounded to `places` decimals. If `places` is 0 or less, the result is an integer."""
    if places > 0:
        if type(number) is int:
            return number
        scaled = number * 10**places
        # If the number is not close to a half (2.5), Python's `round` returns the same result and is five times as
        # fast.
        if -_EXACT_HALVES < scaled < _EXACT_HALVES and abs(scaled % 1.0 - 0.5) > 0.001:  # noqa: PLR2004
            return round(number, places)
        return float(_half_up(number, places))
    return number if type(number) is int and places == 0 else in_range(int(_half_up(number, places)))


def _half_up(number: Any, places: int) -> Decimal:
    """Return the number rounded to `places` decimals, where halves are rounded away from zero.

    The number is rounded as it is written in decimal: 2.675 becomes 2.68. The float that stores 2.675 is a little
    smaller, so Python's `round` returns 2.67.
    """
    # `repr` returns the shortest text of a float, which is the number as the user or the device has written it.
    exact = Decimal(repr(in_range(number)))
    # If the number has no digits to remove, return it unchanged. `quantize` could raise an error.
    if exact.adjusted() + places > _DIGITS:
        return exact
    return exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def _scale(number: Any, from_low: Any, from_high: Any, to_low: Any, to_high: Any) -> Any:
    if from_low == from_high:
        raise ValueError("from_low and from_high are equal")
    # At both ends of the range, return the exact result. The formula below could round it.
    if number == from_low:
        return to_low
    if number == from_high:
        return to_high
    return in_range(to_low + _divide((number - from_low) * (to_high - to_low), from_high - from_low))


def _both_literal(apply: Callable[..., Any]) -> Callable[[Binding], Callable[..., Any]]:
    """Return a `bind` that checks the second and third argument of `scale` and `clamp` if both are literals.

    `scale` needs two different numbers, and `clamp` needs a lower and a higher number. If only one argument is a
    literal, nothing can be checked before the message arrives.
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
    Function("subtract", (_A, _B), _subtract, "The first number minus the second.", (("subtract(`5`, `2.5`)", 2.5),)),
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
        "The quotient. It is a whole number if whole numbers divide evenly. A division by zero is an error.",
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
        "The number rounded to this number of decimals (default 0; -1 rounds to tens, -2 to hundreds). Halves are "
        "rounded away from zero. With 0 decimals or fewer, the result is an integer.",
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
        "Converts a number linearly from one range to another. The result is exact at both ends. Numbers outside the "
        "first range are converted too.",
        (("scale(`12`, `4`, `20`, `0`, `100`)", 50), ("scale(`8.5`, `4`, `20`, `0`, `10`)", 2.8125)),
        cost=4,
        bind=_both_literal(_scale),
    ),
    Function(
        "clamp",
        _CLAMP,
        _clamp,
        "The number limited to a range: low for smaller numbers, high for larger numbers.",
        (("clamp(`130`, `0`, `100`)", 100),),
        bind=_both_literal(_clamp),
    ),
)
