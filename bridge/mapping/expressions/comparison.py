"""Closures that compare, with the `jmespath` package's rules.

Equality is Python's, but a number never equals a boolean. Numbers and texts are ordered, each among themselves;
ordering anything else gives null, and a number against a text is an error.
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

_ORDERED: Final = frozenset({int, float, str})
_ORDERINGS: Final[Mapping[str, tuple[str, Callable[[Any, Any], bool]]]] = {
    "lt": ("<", operator.lt),
    "lte": ("<=", operator.le),
    "gt": (">", operator.gt),
    "gte": (">=", operator.ge),
}


def compare(name: str, left: Search, right: Search) -> Search:
    """The comparator of this name in the parse tree: eq, ne, lt, lte, gt, gte."""
    if name in _ORDERINGS:
        return _ordering(*_ORDERINGS[name], left, right)
    wanted = name == "eq"

    def search(value: Any) -> bool:
        return equal(left(value), right(value)) is wanted

    return search


def equal_to_text(name: str, left: Search, text: str) -> Search:
    """`left == 'text'`, or `!=`: nothing else equals a text, so that Python's own comparison will do."""
    if name == "eq":
        return lambda value: left(value) == text
    return lambda value: left(value) != text


def equal(left: Any, right: Any) -> bool:
    """JMESPath equality."""
    try:
        return bool(left == right) and (type(left) is bool) is (type(right) is bool)
    except RecursionError:
        raise TransformError("== of values that are nested too deeply") from None


def _ordering(sign: str, ordered: Callable[[Any, Any], bool], left: Search, right: Search) -> Search:
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
    """`left || right`."""
    return lambda value: found if truthy(found := left(value)) else right(value)


def both(left: Search, right: Search) -> Search:
    """`left && right`."""
    return lambda value: right(value) if truthy(found := left(value)) else found


def negated(operand: Search) -> Search:
    """`!operand`."""
    return lambda value: not truthy(operand(value))
