"""State of one evaluation of an expression: the scope, the values of variables, and the remaining work.

The closures of an expression share one `Evaluation`, and only one thread uses it at a time (`pooled`). An expression
needs no `Evaluation` if it has no variables inside lists, and no functions that can create large results from small
arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.errors import TransformError
from bridge.mapping.expressions.functions.function import STEP_CHARS
from bridge.mapping.expressions.projection import MAX_ELEMENTS
from bridge.mapping.expressions.selection import MISSING_ERRORS, chain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.mapping.expressions.functions.function import Search

MAX_STEPS: Final = MAX_ELEMENTS
"""Maximum work of one evaluation in steps: elements that are created, or repeated for each element of a list."""


class Evaluation:
    """State of one evaluation.

    `root` is the scope, which predefined variables read. `values` are the values of the variables that `let` and `map`
    bind, by the number of the binding. `steps` counts the work so far, about one per element of a list. `used` becomes
    true if a closure needs the state.
    """

    __slots__ = ("_blank", "root", "steps", "used", "values")

    def __init__(self, bindings: int) -> None:
        self.root: Any = None
        self._blank: list[Any] = [None] * bindings
        self.values: list[Any] = [None] * bindings
        self.steps = 0
        self.used = False

    def reset(self) -> None:
        """Release the message. Otherwise its payload would stay in memory until the next message."""
        self.root = None
        # The list is changed in place, because the closures hold a reference to it.
        self.values[:] = self._blank
        self.steps = 0

    def charging(self) -> Callable[[int], None]:
        """Return `charge` for a closure.

        Also mark the state as needed, because the work must be counted from 0 for each message.
        """
        self.used = True
        return self.charge

    def charge(self, steps: int) -> None:
        """Add work. Raise TransformError over MAX_STEPS."""
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise TransformError(f"the expression repeats or makes more than {MAX_STEPS} values for this message")


def pooled(first: tuple[Search, Evaluation], build: Callable[[], tuple[Search, Evaluation]]) -> Search:
    """Return a closure that evaluates with a state that no other thread uses.

    `build` compiles the expression for it.
    """
    # `pop` and `append` of a list are atomic. The list never has more entries than there were concurrent threads.
    idle = [first]

    def search(scope: Any) -> Any:
        try:
            entry = idle.pop()
        except IndexError:
            entry = build()
        inner, evaluation = entry
        evaluation.root = scope
        try:
            return inner(scope)
        finally:
            evaluation.reset()
            idle.append(entry)

    return search


# -- Variables ------------------------------------------------------------------------------------------------------


def scope_member(names: tuple[str, ...]) -> Search:
    """Return a closure for `$payload.a.b` if the value is the scope itself.

    It raises TransformError for another value.
    """
    find = chain(names)
    first = names[0]

    def search(value: Any) -> Any:
        found = find(value)
        if found is None:
            _require(value, first)
        return found

    return search


def root_member(evaluation: Evaluation, names: tuple[str, ...]) -> Search:
    """Return a closure for `$payload.a.b` inside a list or after a pipe, where the value is not the scope."""
    evaluation.used = True
    if len(names) == 2:  # noqa: PLR2004 - the most frequent: $captures.site
        first, last = names

        def pair(_: Any) -> Any:
            try:
                return evaluation.root[first].get(last)
            except MISSING_ERRORS:
                _require(evaluation.root, first)
                return None

        return pair
    find = scope_member(names)
    return lambda _: find(evaluation.root)


def _require(scope: Any, name: str) -> None:
    """Raise TransformError if the scope does not have the name."""
    if not isinstance(scope, dict) or name not in scope:
        raise TransformError(f"there is no variable ${name}")


def bound_member(evaluation: Evaluation, binding: int, names: tuple[str, ...]) -> Search:
    """Return a closure for `$name.a.b`, with the variable of a `let` or the index of a `map`."""
    values = evaluation.values
    if not names:
        return lambda _: values[binding]
    find = chain(names)
    return lambda _: find(values[binding])


def let(evaluation: Evaluation, bindings: Sequence[tuple[int, Search]], body: Search) -> Search:
    """Return a closure for `let $a = x, $b = y in body`."""
    evaluation.used = True
    values = evaluation.values
    if len(bindings) == 1:
        [(only, find)] = bindings

        def search_one(value: Any) -> Any:
            values[only] = find(value)
            return body(value)

        return search_one

    def search(value: Any) -> Any:
        for binding, find in bindings:
            values[binding] = find(value)
        return body(value)

    return search


def indexed_map(evaluation: Evaluation, binding: int) -> Callable[[Search, list[Any]], list[Any]]:
    """Return `map` for an expression that reads `$index`."""
    evaluation.used = True
    values = evaluation.values

    def apply(by: Search, array: list[Any]) -> list[Any]:
        results = []
        for number, element in enumerate(array):
            values[binding] = number
            results.append(by(element))
        return results

    return apply


# -- Bounds ---------------------------------------------------------------------------------------------------------


def looped(base: Search, outer: Sequence[tuple[int | None, Search]], evaluation: Evaluation) -> Search:
    """Return a closure with the results of `base`, for a loop whose elements read the values `outer`.

    The closure evaluates these values once, and binds them to their variables. It raises TransformError if repeating
    the values for each element exceeds the work of one evaluation. Elements of a list are parts of the message, so
    without variables they are together not larger than the message.
    """
    evaluation.used = True
    values = evaluation.values

    def search(value: Any) -> Any:
        elements = base(value)
        if isinstance(elements, list | dict) and elements:
            steps = 0
            for binding, find in outer:
                found = find(value)
                if binding is not None:
                    values[binding] = found
                if type(found) is str:
                    steps += len(found) // STEP_CHARS
                elif type(found) is list or type(found) is dict:
                    steps += weight(found)
            if steps and len(elements) > 1:
                evaluation.charge(len(elements) * steps)
        return elements

    return search


def weight(value: Any) -> int:
    """Return the size of a value in steps, without recursion. It stops at the first excess over MAX_STEPS."""
    steps, waiting = 0, [value]
    while waiting and steps <= MAX_STEPS:
        one = waiting.pop()
        if isinstance(one, str):
            steps += len(one) // STEP_CHARS
        elif isinstance(one, list):
            steps += len(one)
            waiting.extend(one)
        elif isinstance(one, dict):
            steps += len(one)
            waiting.extend(one.values())
    return steps
