"""Closures that evaluate an expression on each element: projections, filters and flatten.

As JMESPath requires, projections and filters omit null results.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.errors import TransformError
from bridge.mapping.expressions.functions.conditional import truthy

if TYPE_CHECKING:
    from bridge.mapping.expressions.functions.function import Search

MAX_ELEMENTS: Final = 2_000_000
"""Maximum number of elements in a flattened array, and in a result that `bounded` checks."""

MAX_CHARACTERS: Final = 64 * 1024 * 1024
"""Maximum number of characters in all texts and names of a result that `bounded` checks."""


def project(base: Search, each: Search | None) -> Search:
    """Return a closure for `base[*].each`. Without `each`, the results are the elements themselves."""

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
    """Return a closure for `base[]`, which replaces each inner list by its elements.

    The closure raises TransformError if the result has more than MAX_ELEMENTS elements.
    """

    def search(value: Any) -> Any:
        elements = base(value)
        if not isinstance(elements, list):
            return None
        merged: list[Any] = []
        for element in elements:
            if isinstance(element, list):
                merged.extend(element)
                # Check inside the loop, so that a too large result never uses much memory.
                if len(merged) > MAX_ELEMENTS:
                    raise TransformError(f"flattening returns more than {MAX_ELEMENTS} elements")
            else:
                merged.append(element)
        return merged

    return search


def bounded(search: Search) -> Search:
    """Return a closure that raises TransformError if the result of `search` is too large.

    A result can be too large even if it uses little memory: it may contain a million references to one value. The JSON
    text would contain a million copies of this value.
    """

    def measured(value: Any) -> Any:
        result = search(value)
        _measure(result)
        return result

    return measured


def _measure(result: Any) -> None:
    """Raise TransformError if the result exceeds MAX_ELEMENTS or MAX_CHARACTERS."""
    # The function does not recurse, because the result may be nested too deeply for Python's stack.
    elements = characters = 0
    waiting = [result]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting.extend(one.values())
            elements += len(one)
            characters += sum(map(len, one))
        elif isinstance(one, list):
            waiting.extend(one)
            elements += len(one)
        elif isinstance(one, str):
            characters += len(one)
        if elements > MAX_ELEMENTS or characters > MAX_CHARACTERS:
            raise TransformError(f"the result has more than {MAX_ELEMENTS} elements or {MAX_CHARACTERS} characters")
