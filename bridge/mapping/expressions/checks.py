"""Checks of a parsed expression when its mapping is loaded: what would fail on every message is said now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.mapping.expressions import analysis
from bridge.mapping.expressions.functions import FUNCTIONS
from bridge.mapping.expressions.functions.conditional import nearest

if TYPE_CHECKING:
    from bridge.mapping.expressions.analysis import Node

MAX_DEPTH: Final = 150
"""Levels of nesting in an expression."""

MAX_GROWTH: Final = 4096
"""How many copies of its input an expression may make: `[@, @] | [@, @] | …` doubles it at every step."""


class ExpressionFault(ValueError):
    """What is wrong with an expression, and the node it is wrong at (None: the whole)."""

    def __init__(self, message: str, node: Node | None = None) -> None:
        super().__init__(message)
        self.node = node


def check(tree: Node) -> None:
    """Raises Flaw for the first thing wrong."""
    if analysis.depth(tree) > MAX_DEPTH:
        raise ExpressionFault(f"the expression is nested deeper than {MAX_DEPTH} levels")
    if tree["type"] == "expref":
        raise ExpressionFault("an & expression can only be an argument of a function")
    for node in analysis.walk(tree):
        if node["type"] == "slice" and node["children"][2] == 0:
            raise ExpressionFault("a slice's step cannot be 0")
        if node["type"] == "function_expression":
            _check_call(node)
        elif any(child["type"] == "expref" for child in analysis.children(node)):
            raise ExpressionFault("an & expression can only be an argument of a function")
    if analysis.growth(tree) > MAX_GROWTH:
        raise ExpressionFault(f"the expression can make its input more than {MAX_GROWTH} times larger")


def _check_call(node: Node) -> None:
    name, arguments = node["value"], node["children"]
    function = FUNCTIONS.get(name)
    if function is None:
        raise ExpressionFault(f"unknown function {name}(){nearest(name, FUNCTIONS)}", node)
    problem = function.arity_problem(len(arguments))
    if problem:
        raise ExpressionFault(problem, node)
    for position, argument in enumerate(arguments):
        parameter = function.parameter(position)
        if parameter.expref and argument["type"] != "expref":
            raise ExpressionFault(
                f"{name}(): argument {position + 1} must be an expression, written with &: {name}(…, &name)", node
            )
        if argument["type"] == "expref" and not parameter.expref:
            raise ExpressionFault(
                f"{name}(): argument {position + 1} ({parameter.name}) cannot be an & expression", node
            )
