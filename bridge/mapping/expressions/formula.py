"""Code generator for expressions with operators: each formula becomes one Python function.

One function is faster than one closure per operator. The formula `(payload.f - 32) * 5 / 9` becomes this function:

    def search(value):
        try:
            v0 = s0(value)
            if type(v0) not in NUMBERS:
                raise operand(d0, v0)
            r1 = v0 - k1
            if not LOW <= r1 <= HIGH:
                r1 = in_range(r1)
            r2 = r1 * k2
            ...
            return r3
        except OverflowError:
            raise too_large() from None

The generated source contains no text from the expression: it refers to operands and constants by variables. So a
mapping file cannot insert Python code.

Operators follow the rules of the functions `add`, `subtract`, `multiply`, `divide` and `modulo`. Integers are exact. A
result that exceeds 64 bits, or that is not finite, is an error. An operand that is not a number, such as null, is also
an error.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from bridge.errors import TransformError
from bridge.mapping.expressions import analysis
from bridge.mapping.expressions.functions.arithmetic import in_range
from bridge.mapping.expressions.functions.function import NUMBER, described

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import CodeType

    from bridge.mapping.expressions.functions.function import Search
    from bridge.mapping.expressions.syntax.tree import Node

SIGNS: Final[Mapping[str, str]] = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "modulo": "%",
    "floor_divide": "//",
    "minus": "-",
    "plus": "+",
}
"""Signs of the operators. The keys are the names of the operators in the tree."""
_DIVIDING: Final = frozenset({"divide", "modulo", "floor_divide"})
_LIST: Final = "a list; map(&…, list) calculates with each element"
# Types of nodes whose result is never a number, with a description of the result for the error text.
_NO_NUMBERS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("projection", "filter_projection", "value_projection", "flatten"), _LIST),
    "multi_select_list": _LIST,
    "multi_select_dict": "an object",
    **dict.fromkeys(("comparator", "not_expression"), "true or false; put the calculation in parentheses"),
}
# Every result up to this magnitude is valid: an integer fits 64 bits, and a float is finite. So in the usual case, the
# generated code needs only one comparison. `in_range` checks larger results exactly.
_SAFE: Final = 2**62


class FormulaError(ValueError):
    """Error for an operand that is invalid for every message. `node` is the node of the operator."""

    def __init__(self, message: str, node: Node) -> None:
        super().__init__(message)
        self.node = node


def formula(node: Node, leaf: Callable[[Node], tuple[Search, bool]]) -> Search:
    """Return the closure for a node of an operator.

    `leaf` compiles an operand that is not itself an operator. `leaf` returns the closure, and whether the operand is
    constant. Raise FormulaError for an operand that is never a number, and for a constant divisor of zero.
    """
    writer = _Writer(leaf)
    result = writer.result(node)
    lines = [*writer.lines, f"return {result}"]
    exec(_code(_SOURCE.format("\n        ".join(lines))), writer.scope)  # noqa: S102  the source has no text from users
    search: Search = writer.scope["search"]
    return search


_SOURCE: Final = """def search(value):
    try:
        {}
    except OverflowError:
        raise too_large() from None
"""


@lru_cache(maxsize=1024)
def _code(source: str) -> CodeType:
    """Compile the source. The cache helps, because the sources of many formulas are equal."""
    return compile(source, "<formula>", "exec")


class _Writer:
    """Writer of the source lines of one function. `scope` maps the names of variables in the lines to their values."""

    def __init__(self, leaf: Callable[[Node], tuple[Search, bool]]) -> None:
        self._leaf = leaf
        self._count = 0
        self.lines: list[str] = []
        self.scope: dict[str, Any] = {
            "NUMBERS": NUMBER,
            "LOW": -_SAFE,
            "HIGH": _SAFE,
            "in_range": _in_range,
            "operand": wrong_operand,
            "by_zero": _by_zero,
            "too_large": _too_large,
        }

    def result(self, node: Node) -> str:
        """Write the lines that compute the result of an operator. Return the variable with the result."""
        sign, children = SIGNS[node["value"]], node["children"]
        if node["type"] == "unary":
            only = self._operand(children[0], f"the operand of '{sign}'", node)
            return self._checked(f"-{only}") if sign == "-" else only
        left = self._operand(children[0], f"the left operand of '{sign}'", node)
        right = self._operand(children[1], f"the right operand of '{sign}'", node)
        if node["value"] in _DIVIDING:
            self._require_divisor(right, sign, node)
        return self._checked(self._divided(left, right) if sign == "/" else f"{left} {sign} {right}")

    def _operand(self, node: Node, what: str, operator: Node) -> str:
        """Write the lines that compute an operand. Return the variable with the operand.

        `what` describes the operand in error texts.
        """
        constant = analysis.constant(node)
        if not constant and node["type"] in analysis.OPERATIONS:
            return self.result(node)
        kind = _last(node)["type"]
        if kind in _NO_NUMBERS:
            raise FormulaError(f"{what} must be a number, found {_NO_NUMBERS[kind]}", operator)
        search, constant = self._leaf(node)
        number = self._next()
        if constant:
            value = search(None)
            if type(value) not in NUMBER:
                raise FormulaError(wrong_operand(what, value).detail, operator)
            self.scope[f"k{number}"] = value
            return f"k{number}"
        self.scope[f"s{number}"], self.scope[f"d{number}"] = search, what + _path(node)
        self.lines += [
            f"v{number} = s{number}(value)",
            f"if type(v{number}) not in NUMBERS:",
            f"    raise operand(d{number}, v{number})",
        ]
        return f"v{number}"

    def _require_divisor(self, right: str, sign: str, operator: Node) -> None:
        """Check that a constant divisor is not zero. For any other divisor, write lines with this check."""
        if right not in self.scope:
            self.lines += [f"if {right} == 0:", f"    raise by_zero('{sign}')"]
        elif self.scope[right] == 0:
            raise FormulaError(_by_zero(sign).detail, operator)

    def _divided(self, left: str, right: str) -> str:
        """Return the source of a quotient.

        If both operands are integers and divide evenly, the quotient is an exact integer. A float would be rounded
        above 2**53.
        """
        if type(self.scope.get(right)) is float:
            return f"{left} / {right}"
        both = f"type({left}) is int" + ("" if right in self.scope else f" and type({right}) is int")
        return f"{left} // {right} if {both} and not {left} % {right} else {left} / {right}"

    def _checked(self, source: str) -> str:
        """Write the lines that compute a result and check its range. Return the variable with the result."""
        number = self._next()
        self.lines += [
            f"r{number} = {source}",
            f"if not LOW <= r{number} <= HIGH:",
            f"    r{number} = in_range(r{number})",
        ]
        return f"r{number}"

    def _next(self) -> int:
        self._count += 1
        return self._count - 1


def _last(node: Node) -> Node:
    """Return the last part of a path or of a pipe, which determines the type of the result."""
    while node["type"] in {"subexpression", "pipe"}:
        node = node["children"][-1]
    return node


def _path(node: Node) -> str:
    """Return text such as " ($payload.flow)" for an error, or "" if the operand is not a simple path."""
    steps = analysis.steps(node)
    if {step["type"] for step in steps} <= {"field", "variable"}:
        return f" ({'$' * (steps[0]['type'] == 'variable')}{'.'.join(step['value'] for step in steps)})"
    return ""


def _in_range(result: Any) -> Any:
    """Return the result. Raise TransformError if it exceeds 64 bits, is infinite or is NaN."""
    try:
        return in_range(result)
    except ValueError as error:
        raise TransformError(str(error)) from None


def wrong_operand(what: str, value: Any) -> TransformError:
    """Return the error for an operand that is not a number. The error also says how to fix the expression."""
    advice = ""
    if type(value) is str:
        advice = "; to_number() reads a number from text, format() joins texts"
    elif type(value) is list:
        advice = "; map(&…, list) calculates with each element"
    return TransformError(f"{what} must be a number, found {described(value)}{advice}")


def _by_zero(sign: str) -> TransformError:
    return TransformError(f"'{sign}': division by zero")


def _too_large() -> TransformError:
    return TransformError("the numbers are too large")
