"""State of one evaluation of an expression: the scope, the values of variables, and the work done so far.

The closures of an expression share one `Evaluation`, which only one thread at a time may use. If several threads
evaluate the expression at once, `pooled` gives each of them its own `Evaluation`. Most expressions need no
`Evaluation`. An expression needs an `Evaluation` if it has variables inside lists, or if it calls functions that can
create large results from small arguments.
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
"""Maximum work of one evaluation, in steps. About one step is counted for each element of a list that is created."""


class Evaluation:
    """State of one evaluation.

    - `root`: the scope, from which predefined variables such as `$payload` are read
    - `values`: the values of the variables that `let` and `map` bind, by the number of the variable
    - `steps`: the work done so far
    - `used`: True if a closure of the expression needs this state. The functions of this module set `used`.
    """

    __slots__ = ("_blank", "root", "steps", "used", "values")

    def __init__(self, bindings: int) -> None:
        self.root: Any = None
        self._blank: list[Any] = [None] * bindings
        self.values: list[Any] = [None] * bindings
        self.steps = 0
        self.used = False

    def reset(self) -> None:
        """Reset the state after a message. Otherwise, the payload would stay in memory until the next message."""
        self.root = None
        # Change the list in place, because the closures have references to it.
        self.values[:] = self._blank
        self.steps = 0

    def charging(self) -> Callable[[int], None]:
        """Return `charge` for a closure that counts its work.

        Also set `used`, because an expression that counts its work needs the state.
        """
        self.used = True
        return self.charge

    def charge(self, steps: int) -> None:
        """Add `steps` to the work done so far. Raise TransformError if the work exceeds MAX_STEPS."""
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise TransformError(f"the expression repeats or makes more than {MAX_STEPS} values for this message")


def pooled(first: tuple[Search, Evaluation], build: Callable[[], tuple[Search, Evaluation]]) -> Search:
    """Return a closure that evaluates with a state that no other thread uses.

    `first` is a compiled expression with its state. `build` compiles the expression again, with another state. The
    closure calls `build` only if several threads evaluate the expression at once.
    """
    # No lock is needed, because `pop` and `append` of a list are atomic.
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
    """Return a closure for `$payload.a.b` at a position where expressions are evaluated on the scope.

    The closure raises TransformError if the scope does not have the first name.
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
    """Return a closure for `$payload.a.b` at a position inside a list or after a pipe.

    At such a position, expressions are not evaluated on the scope. So the closure reads the scope from `evaluation`.
    """
    evaluation.used = True
    # Two names are the most frequent case, as in `$captures.site`. The closure for two names has no loop, so it is
    # faster.
    if len(names) == 2:  # noqa: PLR2004
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
    """Return a closure for `$name.a.b` with a variable that a `let`, a loop or a `map` binds."""
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
    """Return the implementation of `map` for an expression that reads `$index`."""
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
    """Return a closure for the list of a loop. It also evaluates the values that are the same for all elements.

    `base` is the closure for the list. `outer` are the values found by `hoisting`: pairs of the number of a
    variable and the closure for its value. Before the loop, the returned closure evaluates these values once, and sets
    the variables.

    Each element of the result may contain the repeated values. The result can then be much larger than the message, so
    the closure counts the repeated values as work. It raises TransformError if the work exceeds MAX_STEPS.
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
    """Return the size of a value in steps. Stop as soon as the size exceeds MAX_STEPS.

    The function does not recurse, because a value may be nested too deeply for Python's stack.
    """
    steps, waiting = 0, [value]
    while waiting and steps <= MAX_STEPS:
        one = waiting.pop()
        if isinstance(one, str):
            steps += len(one) // STEP_CHARS
        elif isinstance(one, list):
            steps += len(one)
            waiting.extend(one)
        elif isinstance(one, dict):
            # The names of the members count too. Otherwise, a list that repeats an object whose member has a long name
            # would count as small.
            steps += len(one) + sum(map(len, one)) // STEP_CHARS
            waiting.extend(one.values())
    return steps
