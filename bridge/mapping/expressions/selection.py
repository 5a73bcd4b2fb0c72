"""Closures that select: fields, chains of fields, indices, lists of expressions.

A missing name, or a value that has no members, gives null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from bridge.mapping.expressions.functions.function import Search


MISSING_ERRORS: Final = (KeyError, TypeError, AttributeError, IndexError)
"""Raised by a lookup in a value that lacks the member, or that has no members."""


def chain(names: tuple[str, ...]) -> Search:
    """`a.b.c`. The last name is looked up without an exception: optional fields are mostly the last one."""
    if not names:
        return lambda value: value
    if len(names) == 1:
        return _field(names[0])
    if len(names) == 2:  # noqa: PLR2004 - the commonest: payload.x
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
    """The same for every value."""
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
    """`[n]`, of a list."""

    def search(value: Any) -> Any:
        if not isinstance(value, list):
            return None
        try:
            return value[place]
        except IndexError:
            return None

    return search


def part(bounds: slice) -> Search:
    """`[start:stop:step]`, of a list."""
    return lambda value: value[bounds] if isinstance(value, list) else None


def sequence(steps: list[Search]) -> Search:
    """Each on the result of the one before."""
    if len(steps) == 1:
        return steps[0]
    *leading, last = steps
    if len(leading) == 1:
        first = leading[0]
        return lambda value: last(first(value))

    def search(value: Any) -> Any:
        for step in leading:
            value = step(value)
        return last(value)

    return search


def multi_select_list(items: list[Search]) -> Search:
    """`[a, b]`."""
    return lambda value: None if value is None else [item(value) for item in items]
