"""Closures that select parts of a value: fields, chains of fields, indices, slices, lists of expressions.

If a name is missing, or if a value has no members, the result is null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from bridge.mapping.expressions.functions.function import Search


MISSING_ERRORS: Final = (KeyError, TypeError, AttributeError, IndexError)
"""Errors that Python raises if a value does not have the member, or if it has no members at all."""


def chain(names: tuple[str, ...]) -> Search:
    """Return a closure for `a.b.c`. Without names, the closure returns its argument.

    The last field is read with `get`, because the last field is most often missing. `get` is faster than handling an
    exception.
    """
    if not names:
        return lambda value: value
    if len(names) == 1:
        return _field(names[0])
    # Two names are the most frequent case, as in `payload.x`. The closure for two names has no loop, so it is faster.
    if len(names) == 2:  # noqa: PLR2004
        return _pair(*names)
    *leading, last = names

    def search(value: Any) -> Any:
        try:
            for name in leading:
                value = value[name]
            return value.get(last)
        except MISSING_ERRORS:
            return None

    return search


def literal(constant: Any) -> Search:
    """Return a closure whose result is always this constant."""
    return lambda _: constant


def _field(name: str) -> Search:
    def search(value: Any) -> Any:
        try:
            return value.get(name)
        except AttributeError:
            return None

    return search


def _pair(first: str, last: str) -> Search:
    def search(value: Any) -> Any:
        try:
            return value[first].get(last)
        except MISSING_ERRORS:
            return None

    return search


def index(place: int) -> Search:
    """Return a closure for `[place]`. If the value is not a list, the result is null."""

    def search(value: Any) -> Any:
        if not isinstance(value, list):
            return None
        try:
            return value[place]
        except IndexError:  # Python also raises this error for an index that exceeds 64 bits
            return None

    return search


def part(bounds: slice) -> Search:
    """Return a closure for `[start:stop:step]`. If the value is not a list, the result is null."""
    return lambda value: value[bounds] if isinstance(value, list) else None


def sequence(steps: list[Search]) -> Search:
    """Return a closure that evaluates the first step on its argument, and each other step on the result before."""
    if len(steps) == 1:
        return steps[0]
    *leading, last = steps
    # Two steps are the most frequent case. The closure for two steps has no loop, so it is faster.
    if len(leading) == 1:
        first = leading[0]
        return lambda value: last(first(value))

    def search(value: Any) -> Any:
        for step in leading:
            value = step(value)
        return last(value)

    return search


def multi_select_list(items: list[Search]) -> Search:
    """Return a closure for `[a, b]`. If the value is null, the result is null."""
    return lambda value: None if value is None else [item(value) for item in items]
