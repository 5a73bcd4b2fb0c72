"""Parsing of dots and brackets: members, indices, slices, lists of expressions, and projections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.mapping.expressions.syntax.operands import hash_
from bridge.mapping.expressions.syntax.precedence import NAMES, PROJECTION_STOP, WILDCARD, power
from bridge.mapping.expressions.syntax.tree import node

if TYPE_CHECKING:
    from bridge.mapping.expressions.syntax.lexer import ExpressionToken
    from bridge.mapping.expressions.syntax.token_reader import TokenReader
    from bridge.mapping.expressions.syntax.tree import Node


def dot(parser: TokenReader, left: Node, token: ExpressionToken) -> Node:
    """Return the node of `left.right`, or of the projection `left.*`."""
    if parser.kind == "star":
        parser.advance()
        return node("value_projection", left, _projected(parser, power(token.kind)))
    right = _member(parser, power(token.kind))
    if left["type"] != "subexpression":
        return node("subexpression", left, right)
    # As in the `jmespath` package, `a.b.c` is one node with three children.
    left["children"].append(right)
    return left


def _member(parser: TokenReader, least: int) -> Node:
    """Return the node after a dot: a name, a call, `*`, a list of expressions or an object of expressions."""
    if parser.kind in {*NAMES, "star"}:
        return parser.expression(least)
    token = parser.match(*NAMES, "lbracket", "lbrace")
    return _list(parser, numbers=False) if token.kind == "lbracket" else hash_(parser, token)


def _projected(parser: TokenReader, least: int) -> Node:
    """Return the expression that a projection evaluates on each element, or `identity` if no expression follows."""
    if power(parser.kind) < PROJECTION_STOP:
        return node("identity")
    if parser.kind in {"lbracket", "filter"}:
        return parser.expression(least)
    parser.match("dot")
    return _member(parser, least)


def wildcard(parser: TokenReader, _token: ExpressionToken) -> Node:
    """Return the projection for a `*` that begins an expression."""
    right = node("identity") if parser.kind == "rbracket" else _projected(parser, WILDCARD)
    return node("value_projection", node("identity"), right)


def leading_filter(parser: TokenReader, token: ExpressionToken) -> Node:
    """Return the projection for a `[?condition]` that begins an expression."""
    return filter_(parser, node("identity"), token)


def filter_(parser: TokenReader, left: Node, token: ExpressionToken) -> Node:
    """Return the projection for `left[?condition]`."""
    condition = parser.expression(0)
    parser.match("rbracket")
    right = node("identity") if parser.kind == "flatten" else _projected(parser, power(token.kind))
    return node("filter_projection", left, right, condition)


def leading_flatten(parser: TokenReader, token: ExpressionToken) -> Node:
    """Return the projection for a `[]` that begins an expression."""
    return flatten(parser, node("identity"), token)


def flatten(parser: TokenReader, left: Node, token: ExpressionToken) -> Node:
    """Return the projection for `left[]`."""
    return node("projection", node("flatten", left), _projected(parser, power(token.kind)))


def leading_bracket(parser: TokenReader, _token: ExpressionToken) -> Node:
    """Return the node for a bracket that begins an expression: an index, a slice, `[*]`, or a list of expressions.

    `[5]` is an index, but `[5, 6]` is a list.
    """
    following = parser.peek(1).kind
    if parser.kind == "colon" or (parser.kind == "number" and following in {"rbracket", "colon"}):
        return _projected_slice(parser, node("identity"), _index(parser))
    if parser.kind == "star" and following == "rbracket":
        return _all_elements(parser, node("identity"))
    return _list(parser, numbers=True)


def bracket(parser: TokenReader, left: Node, _token: ExpressionToken) -> Node:
    """Return the node for `left[0]`, `left[0:1]` or `left[*]`."""
    if parser.kind not in {"number", "colon"}:
        return _all_elements(parser, left)
    right = _index(parser)
    if left["type"] != "index_expression":
        return _projected_slice(parser, left, right)
    left["children"].append(right)
    return left


def _all_elements(parser: TokenReader, left: Node) -> Node:
    parser.match("star")
    parser.match("rbracket")
    return node("projection", left, _projected(parser, WILDCARD))


def _list(parser: TokenReader, *, numbers: bool) -> Node:
    """Return a list of expressions. If `numbers` is False, an item that is a number is an error.

    After a dot, `a.[0]` would be a list, although the author probably means the index `a[0]`.
    """
    items: list[Node] = []
    while not items or parser.kind != "rbracket":
        if items:
            # The token is a comma, or this is an error. The argument `rbracket` only adds the bracket to the error
            # text.
            parser.match("comma", "rbracket")
        if not numbers and parser.kind == "number" and parser.peek(1).kind in {"rbracket", "comma"}:
            message = f"an index has no dot before it; a number in a list is written `{parser.token.value}`"
            parser.fail(message=message)
        items.append(parser.expression(0))
    parser.advance()
    return node("multi_select_list", *items)


def _projected_slice(parser: TokenReader, left: Node, right: Node) -> Node:
    selected = node("index_expression", left, right)
    return node("projection", selected, _projected(parser, WILDCARD)) if right["type"] == "slice" else selected


def _index(parser: TokenReader) -> Node:
    """Return the index or the slice whose tokens follow a `[`."""
    parts: list[int | None] = [None, None, None]
    colons = 0
    while parser.kind != "rbracket":
        token = parser.match("number", "colon")
        if token.kind == "number":
            parts[colons] = _whole(parser, token)
            if not colons and parser.kind != "colon":
                parser.match("rbracket")
                return node("index", value=parts[0])
        elif colons < len(parts) - 1:
            colons += 1
        else:
            parser.fail(token=token)
    parser.advance()
    return {"type": "slice", "children": parts}


def _whole(parser: TokenReader, token: ExpressionToken) -> int:
    try:
        return int(token.value)
    except ValueError:  # the number is a fraction, or has thousands of digits
        parser.fail(token=token, message="an index is a whole number")
