"""Precedence of the operators. Each operator has a *power*, and a higher power binds the operands more strongly.

From the weakest to the strongest: `|`, `? :`, `||`, `&&`, comparisons, `+ -`, `* / % //`, unary signs, paths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

COMPARATORS: Final = ("eq", "ne", "lt", "lte", "gt", "gte")
ARITHMETIC: Final[Mapping[str, str]] = {
    "plus": "add",
    "minus": "subtract",
    "star": "multiply",
    "multiply": "multiply",
    "divide": "divide",
    "modulo": "modulo",
    "div": "floor_divide",
}
"""Names of the operators in the tree. The keys are the kinds of their tokens."""

UNARY: Final = 8
"""Power of the sign in `-operand`."""
WILDCARD: Final = 20
"""Power of a `*` that is a projection. A `*` between two operands is a multiplication with another power."""
PROJECTION_STOP: Final = 10
"""A token with a lower power ends the part of the text that a projection evaluates on each element."""
NAMES: Final = ("quoted_identifier", "unquoted_identifier")

# The order of the operators is the same as in the `jmespath` package, so that both parsers return the same trees. The
# operators of JMESPath Community are inserted into this order.
_POWERS: Final[Mapping[str, int]] = {
    "pipe": 1,
    "question": 2,
    "or": 3,
    "and": 4,
    **dict.fromkeys(COMPARATORS, 5),
    **dict.fromkeys(("plus", "minus"), 6),
    **dict.fromkeys(("star", "multiply", "divide", "div", "modulo"), 7),
    "flatten": 9,
    "filter": 21,
    "dot": 40,
    "not": 45,
    "lbrace": 50,
    "lbracket": 55,
    "lparen": 60,
}


def power(kind: str) -> int:
    """Return the power with which a token of this kind binds its left operand, or 0 if the token ends an expression."""
    return _POWERS.get(kind, 0)
