"""Checks of the tree of an expression when a mapping is loaded.

The checks find errors that would otherwise occur for every message.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from bridge.mapping.expressions import analysis
from bridge.mapping.expressions.functions import FUNCTIONS
from bridge.mapping.expressions.functions.conditional import nearest
from bridge.mapping.expressions.functions.suggestions import suggested
from bridge.mapping.expressions.result_size import max_result_size

if TYPE_CHECKING:
    from bridge.mapping.expressions.syntax.tree import Node

MAX_DEPTH: Final = 150
"""Maximum number of nested levels in an expression."""

MAX_SIZE_FACTOR: Final = 4096
"""Maximum size of the result of an expression, as a multiple of the size of its input.

Without a limit, a short expression could use all memory: each step of `[@, @] | [@, @] | …` doubles the size.
"""


class ExpressionFault(ValueError):
    """An error in an expression. `node` is the faulty node, or None if the entire expression is faulty."""

    def __init__(self, message: str, node: Node | None = None) -> None:
        super().__init__(message)
        self.node = node


class WrongArity(ExpressionFault):
    """Error for a function call with a wrong number of arguments."""

    node: Node


def check(tree: Node) -> None:
    """Raise ExpressionFault if the tree has an error."""
    # The depth is checked first. `max_result_size` and the compiler recurse, so a deeper tree would exhaust the stack.
    if analysis.depth(tree) > MAX_DEPTH:
        raise ExpressionFault(f"the expression is nested deeper than {MAX_DEPTH} levels")
    # An expref (`&name`) is not a value. Only a function can use it, as an argument.
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
    if max_result_size(tree) > MAX_SIZE_FACTOR:
        raise ExpressionFault(f"the expression can make its input more than {MAX_SIZE_FACTOR} times larger")


def _is_finite(value: Any) -> bool:
    """Return whether a literal contains only finite numbers.

    Literals are read by Python's JSON reader, which also accepts NaN and infinities.
    """
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
