"""Operators between two operands, the conditional, and calls of functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.mapping.expressions.syntax.precedence import ARITHMETIC, NAMES, power
from bridge.mapping.expressions.syntax.tree import INDEX, node, reads

if TYPE_CHECKING:
    from bridge.mapping.expressions.syntax.lexer import ExpressionToken
    from bridge.mapping.expressions.syntax.reader import Reader
    from bridge.mapping.expressions.syntax.tree import Node


def pipe(parser: Reader, left: Node, token: ExpressionToken) -> Node:
    """Return `left | right`."""
    return node("pipe", left, parser.expression(power(token.kind)))


def either(parser: Reader, left: Node, token: ExpressionToken) -> Node:
    """Return `left || right`."""
    return node("or_expression", left, parser.expression(power(token.kind)))


def both(parser: Reader, left: Node, token: ExpressionToken) -> Node:
    """Return `left && right`."""
    return node("and_expression", left, parser.expression(power(token.kind)))


def comparison(parser: Reader, left: Node, token: ExpressionToken) -> Node:
    """Return a comparison such as `left == right`."""
    return node("comparator", left, parser.expression(power(token.kind)), value=token.kind)


def arithmetic(parser: Reader, left: Node, token: ExpressionToken) -> Node:
    """Return an operation such as `left + right`, and note a `-` that may be part of a name."""
    before, after = parser.peek(-2), parser.token
    tight = before.end == token.start and token.end == after.start
    if token.value == "-" and tight and before.kind == NAMES[1] and after.kind in {NAMES[1], "number"}:
        parser.hyphens.append(token.start)
    right = parser.expression(power(token.kind))
    return parser.located(node("arithmetic", left, right, value=ARITHMETIC[token.kind]), token.start)


def conditional(parser: Reader, condition: Node, token: ExpressionToken) -> Node:
    """Return `condition ? then : otherwise` as a call of `if`."""
    then = parser.expression(0)
    if parser.kind != "colon":
        parser.fail(message="':' and another value must follow: condition ? a : b")
    parser.advance()
    # The power is reduced by one, so that `a ? b : c ? d : e` groups from the right.
    otherwise = parser.expression(power(token.kind) - 1)
    return parser.located(node("function_expression", condition, then, otherwise, value="if"), token.start)


def call(parser: Reader, left: Node, token: ExpressionToken) -> Node:
    """Return a call of a function. Within the `&` expression of `map`, `$index` is bound."""
    if left["type"] != "field":
        parser.fail(token=token, message="only a function's name stands before (")
    scope = {INDEX: parser.new_binding()} if left["value"] == "map" else {}
    arguments: list[Node] = []
    while parser.kind != "rparen":
        arguments.append(parser.within(scope) if scope and not arguments else parser.expression(0))
        # The `jmespath` package accepts arguments without a comma between them, and a comma after the last one.
        if parser.kind == "comma":
            parser.advance()
    parser.advance()
    made = node("function_expression", *arguments, value=left["value"])
    if scope and arguments and reads(arguments[0], scope[INDEX]):
        made["index"] = scope[INDEX]
    return parser.located(made, parser.starts.get(id(left), token.start))
