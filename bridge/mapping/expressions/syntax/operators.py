"""Parsing of operators between two operands, of the conditional `? :`, and of function calls.

The parser calls these functions with the left operand, after it has read the token of the operator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.mapping.expressions.syntax.precedence import ARITHMETIC, NAMES, power
from bridge.mapping.expressions.syntax.tree import INDEX, node, reads

if TYPE_CHECKING:
    from bridge.mapping.expressions.syntax.lexer import ExpressionToken
    from bridge.mapping.expressions.syntax.token_reader import TokenReader
    from bridge.mapping.expressions.syntax.tree import Node


def pipe(parser: TokenReader, left: Node, token: ExpressionToken) -> Node:
    """Return the node of `left | right`."""
    return node("pipe", left, parser.expression(power(token.kind)))


def either(parser: TokenReader, left: Node, token: ExpressionToken) -> Node:
    """Return the node of `left || right`."""
    return node("or_expression", left, parser.expression(power(token.kind)))


def both(parser: TokenReader, left: Node, token: ExpressionToken) -> Node:
    """Return the node of `left && right`."""
    return node("and_expression", left, parser.expression(power(token.kind)))


def comparison(parser: TokenReader, left: Node, token: ExpressionToken) -> Node:
    """Return the node of a comparison such as `left == right`."""
    return node("comparator", left, parser.expression(power(token.kind)), value=token.kind)


def arithmetic(parser: TokenReader, left: Node, token: ExpressionToken) -> Node:
    """Return the node of an operation such as `left + right`."""
    # `flow-rate` is a subtraction, but the author probably means a field with this name. Store the position of the `-`,
    # so that `name_checks` can report it.
    before, after = parser.peek(-2), parser.token
    tight = before.end == token.start and token.end == after.start
    if token.value == "-" and tight and before.kind == NAMES[1] and after.kind in {NAMES[1], "number"}:
        parser.hyphens.append(token.start)
    right = parser.expression(power(token.kind))
    return parser.located(node("arithmetic", left, right, value=ARITHMETIC[token.kind]), token.start)


def conditional(parser: TokenReader, condition: Node, token: ExpressionToken) -> Node:
    """Return the node of `condition ? then : otherwise`, which is a call of `if`."""
    then = parser.expression(0)
    if parser.kind != "colon":
        parser.fail(message="':' and another value must follow: condition ? a : b")
    parser.advance()
    # With the power reduced by one, `a ? b : c ? d : e` is parsed as `a ? b : (c ? d : e)`.
    otherwise = parser.expression(power(token.kind) - 1)
    return parser.located(node("function_expression", condition, then, otherwise, value="if"), token.start)


def call(parser: TokenReader, left: Node, token: ExpressionToken) -> Node:
    """Return the node of a function call. `map` binds the variable `$index` in its `&` expression."""
    if left["type"] != "field":
        parser.fail(token=token, message="only a function's name stands before (")
    scope = {INDEX: parser.new_binding()} if left["value"] == "map" else {}
    arguments: list[Node] = []
    while parser.kind != "rparen":
        arguments.append(parser.within(scope) if scope and not arguments else parser.expression(0))
        # A missing comma between two arguments and a comma after the last argument are accepted, as in the `jmespath`
        # package.
        if parser.kind == "comma":
            parser.advance()
    parser.advance()
    made = node("function_expression", *arguments, value=left["value"])
    if scope and arguments and reads(arguments[0], scope[INDEX]):
        made["index"] = scope[INDEX]
    return parser.located(made, parser.starts.get(id(left), token.start))
