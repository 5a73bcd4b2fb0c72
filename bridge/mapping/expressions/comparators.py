"""Closures for comparisons and logical operators, with the rules of the `jmespath` package.

- `==` and `!=` compare as in Python, but a number never equals a boolean.
- `<`, `<=`, `>` and `>=` compare two numbers or two texts. A comparison of a number with a text is an error. For all
  other values, the result is null.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Final

from bridge.errors import TransformError
from bridge.mapping.expressions.functions.conditional import truthy
from bridge.mapping.expressions.functions.function import described

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.mapping.expressions.functions.function import Search

# Types that can be ordered. Booleans are not included: `true < 2` is null, as in the `jmespath` package.
_ORDERED: Final = frozenset({int, float, str})
_ORDERINGS: Final[Mapping[str, tuple[str, Callable[[Any, Any], bool]]]] = {
    "lt": ("<", operator.lt),
    "lte": ("<=", operator.le),
    "gt": (">", operator.gt),
    "gte": (">=", operator.ge),
}


def compare(name: str, left: Search, right: Search) -> Search:
    """Return a closure for the comparator with this name in the tree: eq, ne, lt, lte, gt or gte."""
    if name in _ORDERINGS:
        return _ordering(*_ORDERINGS[name], left, right)
    wanted = name == "eq"

    def search(value: Any) -> bool:
        return equal(left(value), right(value)) is wanted

    return search


def equal_to_text(name: str, left: Search, text: str) -> Search:
    """Return a closure for `left == 'text'` (eq) or `left != 'text'` (ne).

    The closure is faster than the closure of `compare`, because a comparison with a text needs no additional checks.
    """
    if name == "eq":
        return lambda value: left(value) == text
    return lambda value: left(value) != text


def equal(left: Any, right: Any) -> bool:
    """Return whether two values are equal by the rules of JMESPath.

    Raise TransformError if the values are nested too deeply to be compared.
    """
    # In Python, 1 == True. JMESPath distinguishes numbers from booleans.
    try:
        return bool(left == right) and (type(left) is bool) is (type(right) is bool)
    except RecursionError:
        raise TransformError("cannot compare values that are nested too deeply") from None


def _ordering(sign: str, ordered: Callable[[Any, Any], bool], left: Search, right: Search) -> Search:
    """Return a closure for `<`, `<=`, `>` or `>=`. It raises TransformError if it compares a number with a text."""

    def search(value: Any) -> bool | None:
        first, second = left(value), right(value)
        if type(first) not in _ORDERED or type(second) not in _ORDERED:
            return None
        try:
            return ordered(first, second)
        except TypeError:
            raise TransformError(f"{sign} cannot order {described(first)} and {described(second)}") from None

    return search


def either(left: Search, right: Search) -> Search:
    """Return a closure for `left || right`."""
    return lambda value: found if truthy(found := left(value)) else right(value)


def both(left: Search, right: Search) -> Search:
    """Return a closure for `left && right`."""
    return lambda value: right(value) if truthy(found := left(value)) else found


def negated(operand: Search) -> Search:
    """Return a closure for `!operand`."""
    return lambda value: not truthy(operand(value))
