"""Checks of a parsed expression when a mapping is loaded.

They find errors that would otherwise affect every message.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from bridge.mapping.expressions import analysis
from bridge.mapping.expressions.functions import FUNCTIONS
from bridge.mapping.expressions.functions.conditional import nearest
from bridge.mapping.expressions.functions.suggestions import suggested
from bridge.mapping.expressions.growth import growth

if TYPE_CHECKING:
    from bridge.mapping.expressions.syntax.tree import Node

MAX_DEPTH: Final = 150
"""Maximum number of nested levels in an expression."""

MAX_GROWTH: Final = 4096
"""Maximum number of copies of its input that an expression may make: `[@, @] | [@, @] | …` doubles it at each step."""


class ExpressionFault(ValueError):
    """An error in an expression. `node` is the faulty node; None means the entire expression."""

    def __init__(self, message: str, node: Node | None = None) -> None:
        super().__init__(message)
        self.node = node


class WrongArity(ExpressionFault):
    """A call with a wrong number of arguments."""

    node: Node


def check(tree: Node) -> None:
    """Raise ExpressionFault for the first error in the tree."""
    # The depth is checked first, because `growth` and the compiler recurse and rely on this limit.
    if analysis.depth(tree) > MAX_DEPTH:
        raise ExpressionFault(f"the expression is nested deeper than {MAX_DEPTH} levels")
    # An expref is not a value, so only a function can use it.
    if tree["type"] == "expref":
        raise ExpressionFault("an & expression can only be an argument of a function")
    for node in analysis.walk(tree):
        if node["type"] == "slice" and node["children"][2] == 0:
            raise ExpressionFault("a slice's step cannot be 0")
        if node["type"] == "literal" and not _is_finite(node["value"]):
            raise ExpressionFault("a literal holds NaN or an infinity, which JSON does not have")
        if node["type"] == "function_expression":
            _check_call(node)
        elif any(child["type"] == "expref" for child in analysis.children(node)):
            raise ExpressionFault("an & expression can only be an argument of a function")
    if growth(tree) > MAX_GROWTH:
        raise ExpressionFault(f"the expression can make its input more than {MAX_GROWTH} times larger")


def _is_finite(value: Any) -> bool:
    """Return whether a literal contains only finite numbers. Python's JSON reader also accepts NaN and infinities."""
    if isinstance(value, dict | list):
        return all(map(_is_finite, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or isfinite(value)


def _check_call(node: Node) -> None:
    """Raise ExpressionFault for an unknown function, a wrong number of arguments, or a misplaced `&` expression."""
    name, arguments = node["value"], node["children"]
    function = FUNCTIONS.get(name)
    if function is None:
        advice = suggested(name)
        hint = (f"; {advice}" if advice else nearest(name, FUNCTIONS)) or "; 'mqtt-kinesis functions' lists all"
        raise ExpressionFault(f"unknown function {name}(){hint}", node)
    problem = function.arity_problem(len(arguments))
    if problem:
        raise WrongArity(problem, node)
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
