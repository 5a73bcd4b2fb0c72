"""Closures that select: fields, chains of fields, indices, lists of expressions.

The result is null if a name is missing or a value has no members.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from bridge.mapping.expressions.functions.function import Search


MISSING_ERRORS: Final = (KeyError, TypeError, AttributeError, IndexError)
"""Errors that a look-up raises in a value that lacks the member, or that has no members."""


def chain(names: tuple[str, ...]) -> Search:
    """Return a closure for `a.b.c`.

    Without names, the closure returns its value. Most missing fields are the last of their chain, so this case is
    handled without an internal exception.
    """
    if not names:
        return lambda value: value
    if len(names) == 1:
        return _field(names[0])
    if len(names) == 2:  # noqa: PLR2004 - the most frequent chain: payload.x
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
    """Return a closure that returns the constant for every value."""
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
    """Return a closure for `[n]`. For any value except a list, the result is null."""

    def search(value: Any) -> Any:
        if not isinstance(value, list):
            return None
        try:
            return value[place]
        except IndexError:  # an index beyond 64 bits raises it too
            return None

    return search


def part(bounds: slice) -> Search:
    """Return a closure for `[start:stop:step]`. For any value except a list, the result is null."""
    return lambda value: value[bounds] if isinstance(value, list) else None


def sequence(steps: list[Search]) -> Search:
    """Return a closure that evaluates each step on the result of the step before it."""
    if len(steps) == 1:
        return steps[0]
    *leading, last = steps
    # Two steps need no loop.
    if len(leading) == 1:
        first = leading[0]
        return lambda value: last(first(value))

    def search(value: Any) -> Any:
        for step in leading:
            value = step(value)
        return last(value)

    return search


def multi_select_list(items: list[Search]) -> Search:
    """Return a closure for `[a, b]`; the result is null for null."""
    return lambda value: None if value is None else [item(value) for item in items]
