"""Closures that process elements: projections, filters and flatten. Projections and filters omit null results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.errors import TransformError
from bridge.mapping.expressions.functions.conditional import truthy

if TYPE_CHECKING:
    from bridge.mapping.expressions.functions.function import Search

MAX_ELEMENTS: Final = 2_000_000
"""Maximum number of elements in a flattened array, and in a result that an expression multiplied."""

MAX_CHARACTERS: Final = 64 * 1024 * 1024
"""Maximum total number of characters in all texts of such a result."""


def project(base: Search, each: Search | None) -> Search:
    """Return a closure for `base[*].each`; without `each`, it returns the elements themselves."""

    def search(value: Any) -> Any:
        elements = base(value)
        if not isinstance(elements, list):
            return None
        if each is None:
            return [element for element in elements if element is not None]
        return [found for element in elements if (found := each(element)) is not None]

    return search


def project_values(base: Search, each: Search) -> Search:
    """Return a closure for `base.*.each`."""

    def search(value: Any) -> Any:
        members = base(value)
        if not isinstance(members, dict):
            return None
        return [found for element in members.values() if (found := each(element)) is not None]

    return search


def filtered(base: Search, each: Search, condition: Search) -> Search:
    """Return a closure for `base[?condition].each`."""

    def search(value: Any) -> Any:
        elements = base(value)
        if not isinstance(elements, list):
            return None
        return [found for element in elements if truthy(condition(element)) and (found := each(element)) is not None]

    return search


def flattened(base: Search) -> Search:
    """Return a closure for `base[]`, which removes one level of nesting.

    It raises TransformError if the array grows past MAX_ELEMENTS.
    """

    def search(value: Any) -> Any:
        elements = base(value)
        if not isinstance(elements, list):
            return None
        merged: list[Any] = []
        for element in elements:
            if isinstance(element, list):
                merged.extend(element)
                # The check is inside the loop, so that memory stays bounded.
                if len(merged) > MAX_ELEMENTS:
                    raise TransformError(f"flattening gives more than {MAX_ELEMENTS} elements")
            else:
                merged.append(element)
        return merged

    return search


def bounded(search: Search) -> Search:
    """Return a closure that raises TransformError if the result of `search` is too large.

    A result may contain references to one value a million times. They use no memory until the result becomes JSON.
    """

    def measured(value: Any) -> Any:
        result = search(value)
        _measure(result)
        return result

    return measured


def _measure(result: Any) -> None:
    """Raise TransformError if the result exceeds MAX_ELEMENTS or MAX_CHARACTERS."""
    # This is a loop, because the result may be nested too deeply for recursion. It stops when a limit is exceeded.
    elements = characters = 0
    waiting = [result]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting.extend(one.values())
            elements += len(one)
        elif isinstance(one, list):
            waiting.extend(one)
            elements += len(one)
        elif isinstance(one, str):
            characters += len(one)
        if elements > MAX_ELEMENTS or characters > MAX_CHARACTERS:
            raise TransformError(f"the result has more than {MAX_ELEMENTS} elements or {MAX_CHARACTERS} characters")
