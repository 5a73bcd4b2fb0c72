"""Precedence of the operators, weakest first: `|`, `? :`, `||`, `&&`, comparisons, `+ -`, `* / % //`, unary, paths."""

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
"""Operators by the kinds of their tokens."""

UNARY: Final = 8
WILDCARD: Final = 20
"""Power with which the `*` of a projection binds the following text; between two operands, `*` multiplies."""
PROJECTION_STOP: Final = 10
"""Tokens of a lower power end a projection."""
NAMES: Final = ("quoted_identifier", "unquoted_identifier")

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
    """Return how strongly a token of this kind binds the operand on its left; 0 if the token ends an expression."""
    return _POWERS.get(kind, 0)
