"""Functions with an expression argument (`&name`).

JMESPath has map, sort_by, min_by and max_by. JMESPath Community adds group_by. `apply` receives the expression as a
closure, and calls it for each element.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.errors import TransformError
from bridge.mapping.expressions.functions.function import (
    NUMBER,
    STRING,
    TYPE_NAMES,
    Function,
    Parameter,
    Search,
    described,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_ARRAY = Parameter("array", ("array",))
_EXPRESSION = Parameter("&expression", ("expref",))
_PEOPLE = '`[{"n": 2}, {"n": 1}]`'


def _keyed(name: str, by: Search, allowed: frozenset[type]) -> Callable[[Any], Any]:
    """Return a key function for `sorted`, `min` and `max`. The key of an element is the result of the expression.

    The key function raises TransformError if the type of the result is not in `allowed`.
    """
    expected = " or ".join(sorted({TYPE_NAMES[each] for each in allowed}))

    def key(element: Any) -> Any:
        found = by(element)
        if type(found) not in allowed:
            raise TransformError(f"{name}(): the expression must return a {expected}, found {described(found)}")
        return found

    return key


def _sort_by(array: list[Any], by: Search) -> list[Any]:
    if not array:
        return array
    # The result for the first element determines the type: number or text. All other results must have this type too.
    return sorted(array, key=_keyed("sort_by", by, NUMBER if type(by(array[0])) in NUMBER else STRING))


def _min_by(array: list[Any], by: Search) -> Any:
    # For a mixture of numbers and texts, `min` raises TypeError, which becomes a TransformError (`function_calls`).
    return min(array, key=_keyed("min_by", by, NUMBER | STRING), default=None)


def _max_by(array: list[Any], by: Search) -> Any:
    return max(array, key=_keyed("max_by", by, NUMBER | STRING), default=None)


def _group_by(array: list[Any], by: Search) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for element in array:
        key = by(element)
        if type(key) is str:
            groups.setdefault(key, []).append(element)
        elif key is not None:
            raise TransformError(f"group_by(): the expression must return a string or null, found {described(key)}")
    return groups


BY_EXPRESSION: Final[tuple[Function, ...]] = (
    Function(
        "map",
        (_EXPRESSION, _ARRAY),
        lambda by, array: [by(element) for element in array],
        "The list of the expression's results for all elements, including nulls. In the expression, $index is the "
        "element's index, from 0 (an extension).",
        ((f"map(&n, {_PEOPLE})", [2, 1]), ("map(&[$index, @], ['a', 'b'])", [[0, "a"], [1, "b"]])),
        cost=8,
    ),
    Function(
        "max_by",
        (_ARRAY, _EXPRESSION),
        _max_by,
        "The element for which the expression has the largest result.",
        ((f"max_by({_PEOPLE}, &n)", {"n": 2}),),
        cost=8,
    ),
    Function(
        "min_by",
        (_ARRAY, _EXPRESSION),
        _min_by,
        "The element for which the expression has the smallest result.",
        ((f"min_by({_PEOPLE}, &n)", {"n": 1}),),
        cost=8,
    ),
    Function(
        "sort_by",
        (_ARRAY, _EXPRESSION),
        _sort_by,
        "The elements sorted by the expression's result, smallest first. Elements with equal results keep their order.",
        ((f"sort_by({_PEOPLE}, &n)[].n", [1, 2]),),
        cost=10,
    ),
)

GROUPING: Final[tuple[Function, ...]] = (
    Function(
        "group_by",
        (_ARRAY, _EXPRESSION),
        _group_by,
        "An object with a list for each result of the expression. The list has the elements with this result, which "
        "must be a text. Elements for which the result is null are left out.",
        (
            (
                'group_by(`[{"m": "a", "v": 1}, {"m": "b", "v": 2}, {"m": "a", "v": 3}]`, &m)',
                {"a": [{"m": "a", "v": 1}, {"m": "a", "v": 3}], "b": [{"m": "b", "v": 2}]},
            ),
        ),
        cost=10,
        size_factor=2,
    ),
)
