"""Compiler from the parse tree to closures: each node becomes one Python function from a value to a result.

The compiler evaluates constant nodes once. If an expression has the same node several times, for the same value, the
compiled code evaluates it once, unless that costs more than it saves.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from bridge.errors import TransformError
from bridge.mapping.expressions import analysis, comparators, multi_select_hash, projection, selection
from bridge.mapping.expressions.function_calls import call
from bridge.mapping.expressions.functions import FUNCTIONS, SPECIFIED
from bridge.mapping.expressions.functions.function import MISSING, Binding
from bridge.mapping.expressions.static_checks import ExpressionFault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.mapping.expressions.analysis import Node
    from bridge.mapping.expressions.functions.function import Function, Search

_MEASURED_GROWTH: Final = 512
"""Growth (copies of the input) above which the compiler adds a check of the result's size."""

_SELECTORS: Final[Mapping[str, Callable[[Node], Search]]] = {
    "literal": lambda node: selection.literal(node["value"]),
    "current": lambda _: selection.chain(()),
    "identity": lambda _: selection.chain(()),
    "index": lambda node: selection.index(node["value"]),
    "slice": lambda node: selection.part(slice(*node["children"])),
}
"""Closures of the nodes that only select from their value, by node type."""

_COMBINATIONS: Final[Mapping[str, Callable[[list[Search]], Search]]] = {
    "multi_select_list": selection.multi_select_list,
    "not_expression": lambda searches: comparators.negated(*searches),
    "or_expression": lambda searches: comparators.either(*searches),
    "and_expression": lambda searches: comparators.both(*searches),
    "flatten": lambda searches: projection.flattened(*searches),
}
"""Closures of the nodes that combine the results of their children, by node type."""


class _RepeatedResults(threading.local):
    """Results of repeated nodes for the value being evaluated, per thread, because threads share expressions."""

    results: dict[str, Any] | None = None


class Compiler:
    """Compiler for the nodes of one checked expression. `tables` are the lookup tables by name."""

    def __init__(self, tables: Mapping[str, Mapping[str, Any]]) -> None:
        self._tables = tables
        self._frames = _RepeatedResults()
        self._shared: dict[str, Search | None] = {}
        self._constants: dict[int, Any] = {}

    def context(self, node: Node) -> Search:
        """Return the closure for a node that is evaluated on a new value.

        Such a value is the root, an element, or the result before a dot or pipe.
        Raises ExpressionFault for a call with literals that can never succeed.
        """
        # The outer context has another value, so its results are set aside while this node is compiled.
        outer, self._shared = self._shared, dict.fromkeys(analysis.repeated(node))
        try:
            search = self._node(node)
            return _framed(search, self._frames) if self._shared else search
        finally:
            self._shared = outer

    def _node(self, node: Node) -> Search:
        """Return the closure for a node that is evaluated on the value of the current context."""
        key = analysis.identity(node) if self._shared else ""
        if key not in self._shared:
            return self._folded(node)
        search = self._shared[key]
        # None marks a repeated node that is not compiled yet; its other occurrences reuse the closure of the first.
        if search is None:
            search = self._shared[key] = _once(self._folded(node), key, self._frames)
        return search

    def _folded(self, node: Node) -> Search:
        """Return the closure for a node; a constant node is evaluated now."""
        search = self._measured(node)
        if node["type"] == "expref" or not analysis.constant(node):
            return search
        # A constant node has the same result on every value, so None serves as the value.
        try:
            result = search(None)
        except TransformError:
            return search  # not an error of the mapping: it fails only the messages that reach the node
        self._constants[id(node)] = result
        return selection.literal(result)

    def _measured(self, node: Node) -> Search:
        """Return the closure for a node, with a check of the result's size if the node can multiply its input."""
        search = self._built(node)
        kind = node["type"]
        multiplies = kind in analysis.SEQUENCES or kind in analysis.PROJECTIONS or kind == "function_expression"
        return projection.bounded(search) if multiplies and analysis.growth(node) > _MEASURED_GROWTH else search

    def _built(self, node: Node) -> Search:
        kind = node["type"]
        if kind in {"field", *analysis.SEQUENCES}:
            return self._sequence(node)
        if kind in analysis.PROJECTIONS:
            return self._projection(node)
        # The function evaluates an expref on elements, which are new values.
        if kind == "expref":
            return self.context(node["children"][0])
        if kind in _SELECTORS:
            return _SELECTORS[kind](node)
        return self._combined(node)

    def _combined(self, node: Node) -> Search:
        """Return the closure for a node that combines the results of its children. All get the same value."""
        kind = node["type"]
        if kind == "multi_select_dict":
            return multi_select_hash.multi_select_hash([self._item(child) for child in node["children"]])
        if kind == "function_expression":
            return self._call(node)
        if kind == "comparator":
            return self._comparator(node)
        if kind not in _COMBINATIONS:
            raise ExpressionFault(f"the jmespath package gives a node that is unknown here: {kind}")
        return _COMBINATIONS[kind]([self._node(child) for child in node["children"]])

    def _sequence(self, node: Node) -> Search:
        """Return the closure for a sequence such as `a.b[0].c | d`. Its leading fields become one step."""
        steps = _steps(node)
        fields = next((place for place, step in enumerate(steps) if step["type"] != "field"), len(steps))
        leading = [selection.chain(tuple(step["value"] for step in steps[:fields]))] if fields else []
        # Only the first step is evaluated on the value of this context; each other step has the result before it.
        rest = [(self.context if place or fields else self._node)(step) for place, step in enumerate(steps[fields:])]
        return selection.sequence(leading + rest)

    def _projection(self, node: Node) -> Search:
        """Return the closure for a projection: `[*]`, `.*`, `[?…]`, `[]` or a slice."""
        left, right, *condition = node["children"]
        base = self._node(left)
        if condition:
            return projection.filtered(base, self.context(right), self.context(condition[0]))
        if node["type"] == "value_projection":
            return projection.project_values(base, self.context(right))
        return projection.project(base, None if right["type"] == "identity" else self.context(right))

    def _item(self, pair: Node) -> multi_select_hash.HashItem:
        """Return one `key: expression` of a multi-select hash, compiled."""
        (node,) = pair["children"]
        search = self._node(node)
        # With the names of a chain of fields, `compile_hash` generates direct look-ups instead of a call.
        steps = _steps(node)
        fields = tuple(step["value"] for step in steps) if all(step["type"] == "field" for step in steps) else None
        return multi_select_hash.HashItem(pair["value"], search, fields, id(node) in self._constants)

    def _comparator(self, node: Node) -> Search:
        left, right = node["children"]
        if node["value"] in {"eq", "ne"} and right["type"] == "literal" and type(right["value"]) is str:
            return comparators.equal_to_text(node["value"], self._node(left), right["value"])
        return comparators.compare(node["value"], self._node(left), self._node(right))

    def _call(self, node: Node) -> Search:
        """Return the closure for a function call. Raises ExpressionFault for literals that can never succeed."""
        function = FUNCTIONS[node["value"]]
        arguments = [self._node(child) for child in node["children"]]
        if function.lazy:
            return function.lazy(arguments)
        apply = function.apply
        # The result of a constant argument counts as a literal too.
        literals = tuple(self._constants.get(id(child), MISSING) for child in node["children"])
        _check_literals(function, literals, node)
        if function.bind:
            try:
                apply = function.bind(Binding(literals, self._tables))
            except ValueError as error:
                raise ExpressionFault(f"{function.name}(): {error}", node) from error
        return call(function, apply, arguments)


def _check_literals(function: Function, literals: tuple[Any, ...], node: Node) -> None:
    """Raise ExpressionFault for a literal of the wrong type, since it would fail on every message.

    The functions of the JMESPath specification are exempt: they fail only on a message that reaches the call.
    """
    if function.name in SPECIFIED:
        return
    for position, literal in enumerate(literals):
        types = function.parameter(position).types
        if literal is not MISSING and types is not None and type(literal) not in types:
            raise ExpressionFault(function.mismatch(position, literal).detail, node)


def _steps(node: Node) -> list[Node]:
    """Return the steps of a sequence in order, with nested sequences flattened."""
    if node["type"] not in analysis.SEQUENCES:
        return [node]
    return [step for child in node["children"] for step in _steps(child)]


def _framed(search: Search, frames: _RepeatedResults) -> Search:
    """Return a closure that starts each evaluation without results of repeated nodes."""

    def framed(value: Any) -> Any:
        # The outer frame is restored even after an error, or the next message would read results of this one.
        outer, frames.results = frames.results, {}
        try:
            return search(value)
        finally:
            frames.results = outer

    return framed


def _once(search: Search, key: str, frames: _RepeatedResults) -> Search:
    """Return a closure that evaluates `search` once per frame and then returns the stored result."""

    def once(value: Any) -> Any:
        results: Any = frames.results
        if key in results:
            return results[key]
        result = results[key] = search(value)
        return result

    return once
