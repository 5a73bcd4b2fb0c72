"""Compiler that converts the tree of an expression to closures.

Each node becomes a closure: a Python function from a value to a result. The value is the *context* of the node. It is
the scope, an element of a list, or an earlier result. There are two optimisations:

- A constant node is evaluated when the expression is compiled.
- A *repeated* node occurs several times in one context. It is evaluated only once, and its result is stored in the
  *frame* of the context. The compiler does this only for nodes whose evaluation takes longer than storing the result.
"""

from __future__ import annotations

import threading
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final

from bridge.errors import TransformError
from bridge.mapping.expressions import (
    analysis,
    comparators,
    evaluation,
    formula,
    multi_select_hash,
    projection,
    selection,
)
from bridge.mapping.expressions.evaluation import Evaluation
from bridge.mapping.expressions.function_calls import call
from bridge.mapping.expressions.functions import FUNCTIONS, SPECIFIED
from bridge.mapping.expressions.functions.function import MISSING, Binding
from bridge.mapping.expressions.hoisting import OUTER
from bridge.mapping.expressions.result_size import max_result_size
from bridge.mapping.expressions.static_checks import ExpressionFault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.mapping.expressions.functions.function import Function, Search
    from bridge.mapping.expressions.syntax.tree import Node

# If the result of a node can be larger than its input by more than this factor (`max_result_size`), the compiler adds a
# check of the actual size. For other nodes, the check would only cost time.
_CHECKED_SIZE_FACTOR: Final = 512

# This factor is for an expression whose variables and functions can create MAX_STEPS values from a small input.
_CHECKED_WORK_SIZE_FACTOR: Final = 16

# Functions that return the closure of a node without child nodes. The keys are node types.
_SELECTORS: Final[Mapping[str, Callable[[Node], Search]]] = {
    "literal": lambda node: selection.literal(node["value"]),
    "current": lambda _: selection.chain(()),
    "identity": lambda _: selection.chain(()),
    "index": lambda node: selection.index(node["value"]),
    "slice": lambda node: selection.part(slice(*node["children"])),
}

# Functions that combine the closures of a node's children. The keys are node types.
_COMBINATIONS: Final[Mapping[str, Callable[[list[Search]], Search]]] = {
    "multi_select_list": selection.multi_select_list,
    "not_expression": lambda searches: comparators.negated(*searches),
    "or_expression": lambda searches: comparators.either(*searches),
    "and_expression": lambda searches: comparators.both(*searches),
    "flatten": lambda searches: projection.flattened(*searches),
}


class _RepeatedResults(threading.local):
    """The current frame. Threads share closures, so each thread has its own frame."""

    results: dict[str, Any] | None = None


class Compiler:
    """Compiler for the nodes of one expression, which `static_checks` has accepted.

    `tables` are the lookup tables by name. `bindings` is the number of variables that the expression binds.
    `evaluation` is the state that the closures share.
    """

    def __init__(self, tables: Mapping[str, Mapping[str, Any]], bindings: int = 0) -> None:
        self._tables = tables
        self._frames = _RepeatedResults()
        # Closures of the repeated nodes of the current context. The keys are the identities of the nodes. The value is
        # None before the first occurrence.
        self._shared: dict[str, Search | None] = {}
        # Results of the constant nodes. The keys are the `id` of the nodes.
        self._constants: dict[int, Any] = {}
        # True if the node that is being compiled is evaluated on the scope.
        self._on_scope = True
        # Values of the constant variables, by the number of the variable.
        self._known: dict[int, Any] = {}
        self.evaluation = Evaluation(bindings)

    def root(self, tree: Node) -> Search:
        """Return the closure for the complete expression, which is evaluated on the scope.

        Raise ExpressionFault if a function call would fail for every message, because of its literals.
        """
        self._on_scope = True
        return self._context(tree)

    def context(self, node: Node) -> Search:
        """Return the closure for a node that is evaluated on a list element, or on the result before a dot or |."""
        outer, self._on_scope = self._on_scope, False
        try:
            return self._context(node)
        finally:
            self._on_scope = outer

    def _context(self, node: Node) -> Search:
        # The nodes around this node are evaluated on another value. So this node must not use the closures of the
        # repeated nodes there.
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
        # None means: this is the first occurrence of a repeated node. Further occurrences use the same closure.
        if search is None:
            search = self._shared[key] = _once(self._folded(node), key, self._frames)
        return search

    def _folded(self, node: Node) -> Search:
        """Return the closure for a node. A constant node is evaluated now, and becomes a literal."""
        search = self._measured(node)
        if node["type"] == "expref" or not analysis.constant(node):
            return search
        # The result is the same for every value, so evaluate the node on any value, such as None.
        try:
            result = search(None)
        except TransformError:
            # The expression is still valid. Inside `&&`, `||` or `if`, the node may never be evaluated.
            return search
        self._constants[id(node)] = result
        return selection.literal(result)

    def _measured(self, node: Node) -> Search:
        """Return the closure for a node, with a check of the result's size if the node can multiply its input."""
        search = self._built(node)
        kind = node["type"]
        multiplies = kind in {*analysis.SEQUENCES, *analysis.PROJECTIONS, "function_expression", "let_expression"}
        # `_built` has also compiled the nodes below this node, so `used` now has its final value for these nodes.
        limit = _CHECKED_WORK_SIZE_FACTOR if self.evaluation.used else _CHECKED_SIZE_FACTOR
        return projection.bounded(search) if multiplies and max_result_size(node) > limit else search

    def _built(self, node: Node) -> Search:
        kind = node["type"]
        if kind in {"field", "variable", *analysis.SEQUENCES}:
            return self._sequence(node)
        if kind in analysis.PROJECTIONS:
            return self._projection(node)
        # An expref (`&name`) is evaluated on the elements of a list.
        if kind == "expref":
            return self.context(node["children"][0])
        if kind in _SELECTORS:
            return _SELECTORS[kind](node)
        return self._combined(node)

    def _combined(self, node: Node) -> Search:
        """Return the closure for a node whose children are evaluated on the same value as the node."""
        kind = node["type"]
        if kind == "multi_select_dict":
            return multi_select_hash.multi_select_hash(
                [self._item(child) for child in node["children"]], self.evaluation.values
            )
        if kind == "function_expression":
            return self._call(node)
        if kind == "comparator":
            return self._comparator(node)
        if kind in analysis.OPERATIONS:
            return self._formula(node)
        if kind == "let_expression":
            return self._let(node)
        if kind not in _COMBINATIONS:
            raise ExpressionFault(f"a node of an unknown type: {kind}")
        return _COMBINATIONS[kind]([self._node(child) for child in node["children"]])

    def _sequence(self, node: Node) -> Search:
        """Return the closure for a sequence such as `a.b[0].c | d`. The fields at its beginning become one closure."""
        first, *rest = analysis.steps(node)
        if first["type"] == "variable":
            if first["binding"] in self._known:
                value = self._constants[id(first)] = self._known[first["binding"]]
                return self._followed(selection.literal(value), rest)
            names = _names(rest)
            return self._followed(self._variable(first, names), rest[len(names) :])
        names = _names([first, *rest])
        if names:
            return self._followed(selection.chain(names), rest[len(names) - 1 :])
        # The first step is evaluated on the value of this context, and each other step on the previous result.
        return self._followed(self._node(first), rest)

    def _followed(self, first: Search, steps: list[Node]) -> Search:
        return selection.sequence([first, *map(self.context, steps)])

    def _variable(self, node: Node, names: tuple[str, ...]) -> Search:
        """Return the closure for a variable, with the fields that follow it."""
        if node["binding"] is not None:
            return evaluation.bound_member(self.evaluation, node["binding"], names)
        chain = (node["value"], *names)
        # A predefined variable is a field of the scope, so `scope_member` can read it directly from the value.
        return evaluation.scope_member(chain) if self._on_scope else evaluation.root_member(self.evaluation, chain)

    def _let(self, node: Node) -> Search:
        """Return the closure for `let`. A variable with a constant value becomes a literal."""
        *values, body = node["children"]
        bindings = []
        for binding, value in zip(node["bindings"], values, strict=True):
            bindings.append((binding, self._node(value)))
            if id(value) in self._constants:
                self._known[binding] = self._constants[id(value)]
        return evaluation.let(self.evaluation, bindings, self._node(body))

    def _formula(self, node: Node) -> Search:
        """Return the closure for a formula. Raise ExpressionFault for an operand that is invalid for every message."""
        try:
            return formula.formula(node, self._operand)
        except formula.FormulaError as error:
            raise ExpressionFault(str(error), error.node) from error

    def _operand(self, node: Node) -> tuple[Search, bool]:
        """Return the closure for an operand of a formula, and whether the operand is constant."""
        return self._node(node), id(node) in self._constants

    def _projection(self, node: Node) -> Search:
        """Return the closure for a projection: `[*]`, `.*`, `[?…]`, `[]` or a slice."""
        left, right, *condition = node["children"]
        base = self._looped(self._node(left), node)
        if condition:
            return projection.filtered(base, self.context(right), self.context(condition[0]))
        if node["type"] == "value_projection":
            return projection.project_values(base, self.context(right))
        return projection.project(base, None if right["type"] == "identity" else self.context(right))

    def _looped(self, base: Search, loop: Node) -> Search:
        """Return a closure for the list of a loop. It also evaluates the values that `hoisting` has found."""
        outer = [(value.binding, self._node(value.node)) for value in loop.get(OUTER, ())]
        return evaluation.looped(base, outer, self.evaluation) if outer else base

    def _item(self, pair: Node) -> multi_select_hash.HashItem:
        """Compile one `key: expression` of a multi-select hash."""
        (node,) = pair["children"]
        search = self._node(node)
        # If the expression is a chain of fields, `compile_hash` generates direct look-ups instead of a call.
        first, *rest = analysis.steps(node)
        fields = _names([first, *rest]) if first["type"] == "field" else self._scope_names(first, rest)
        names = fields if fields and len(fields) == 1 + len(rest) else None
        # `compile_hash` also reads bound variables directly.
        bound = first["binding"] if first["type"] == "variable" and not rest else None
        constant = id(node) in self._constants
        return multi_select_hash.HashItem(pair["value"], search, names, constant, None if constant else bound)

    def _scope_names(self, first: Node, rest: list[Node]) -> tuple[str, ...]:
        """Return the names in `$payload.a.b` if the node is evaluated on the scope. Otherwise, return an empty tuple.

        For `$payload` without further names, also return an empty tuple. If the scope has no `payload`, this expression
        must raise an error, but a chain of fields would return null.
        """
        predefined = first["type"] == "variable" and first["binding"] is None
        return (first["value"], *_names(rest)) if predefined and self._on_scope and rest else ()

    def _comparator(self, node: Node) -> Search:
        left, right = node["children"]
        if node["value"] in {"eq", "ne"} and right["type"] == "literal" and type(right["value"]) is str:
            return comparators.equal_to_text(node["value"], self._node(left), right["value"])
        return comparators.compare(node["value"], self._node(left), self._node(right))

    def _call(self, node: Node) -> Search:
        """Return the closure for a function call. Raise ExpressionFault if it fails for every message."""
        function, children = FUNCTIONS[node["value"]], node["children"]
        arguments = [self._node(child) for child in children]
        if function.lazy:
            return function.lazy(arguments)
        # The result of a constant argument also counts as a literal.
        literals = tuple(self._constants.get(id(child), MISSING) for child in children)
        _check_literals(function, literals, node)
        if OUTER in node:
            arguments = [
                argument if child["type"] == "expref" else self._looped(argument, node)
                for child, argument in zip(children, arguments, strict=True)
            ]
        return call(function, self._apply(function, literals, node), arguments)

    def _apply(self, function: Function, literals: tuple[Any, ...], node: Node) -> Callable[..., Any]:
        """Return the Python function for a call. The function may be specialised for the literals of this call."""
        if "index" in node:
            return evaluation.indexed_map(self.evaluation, node["index"])
        if not function.bind:
            return function.apply
        try:
            return function.bind(Binding(literals, self._tables, self.evaluation.charging))
        except ValueError as error:
            raise ExpressionFault(f"{function.name}(): {error}", node) from error


def _check_literals(function: Function, literals: tuple[Any, ...], node: Node) -> None:
    """Raise ExpressionFault for a literal of the wrong type, because the call would fail for every message.

    Calls of functions of the JMESPath specification are not checked. As in the `jmespath` package, they fail when a
    message evaluates the call.
    """
    if function.name in SPECIFIED:
        return
    for position, literal in enumerate(literals):
        if literal is MISSING:
            continue
        types = function.parameter(position).types
        if types is not None and type(literal) not in types:
            raise ExpressionFault(function.mismatch(position, literal).detail, node)


def _names(steps: list[Node]) -> tuple[str, ...]:
    """Return the names of the steps at the beginning that are fields."""
    return tuple(step["value"] for step in takewhile(lambda step: step["type"] == "field", steps))


def _framed(search: Search, frames: _RepeatedResults) -> Search:
    """Return a closure that calls `search` with an empty frame."""

    def framed(value: Any) -> Any:
        # Restore the outer frame even after an error. Otherwise, the next message would read results of this message.
        outer, frames.results = frames.results, {}
        try:
            return search(value)
        finally:
            frames.results = outer

    return framed


def _once(search: Search, key: str, frames: _RepeatedResults) -> Search:
    """Return a closure that calls `search` once per frame. After the first call, it returns the stored result."""

    def once(value: Any) -> Any:
        results: Any = frames.results
        if key in results:
            return results[key]
        result = results[key] = search(value)
        return result

    return once
