"""Functions for expressions that begin with a name, a variable, a literal, a sign or a bracket: one per first token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.mapping.expressions.syntax.precedence import NAMES, UNARY, power
from bridge.mapping.expressions.syntax.tree import node

if TYPE_CHECKING:
    from bridge.mapping.expressions.syntax.lexer import ExpressionToken
    from bridge.mapping.expressions.syntax.reader import Reader
    from bridge.mapping.expressions.syntax.tree import Node

MAX_NUMBER_CHARS: Final = 400
"""Maximum number of characters of a number: the longest double that is written without an exponent has 309 digits."""


def literal(_parser: Reader, token: ExpressionToken) -> Node:
    """Return a literal in back quotes or single quotes."""
    return node("literal", value=token.value)


def number(parser: Reader, token: ExpressionToken) -> Node:
    """Return a number without quotes, which is an extension of this program."""
    return node("literal", value=_value(parser, token))


def _value(parser: Reader, token: ExpressionToken) -> Any:
    digits = token.value.removeprefix("-")
    if len(digits) > MAX_NUMBER_CHARS:
        parser.fail(token=token, message=f"a number has at most {MAX_NUMBER_CHARS} characters")
    if digits[0] == "0" and digits[1:2].isdigit():
        parser.fail(token=token, message="a number has no leading zeros")
    return int(token.value) if digits.isdigit() else float(token.value)


def name(parser: Reader, token: ExpressionToken) -> Node:
    """Return a field, or a `let` expression. `let` is a field unless a variable follows."""
    if token.value == "let" and parser.kind == "variable":
        return _let(parser, token)
    return parser.located(node("field", value=token.value), token.start)


def quoted_name(parser: Reader, token: ExpressionToken) -> Node:
    """Return a field in double quotes."""
    if parser.kind == "lparen":
        parser.fail(token=token, message="a function's name has no quotes")
    return parser.located(node("field", value=token.value), token.start)


def variable(parser: Reader, token: ExpressionToken) -> Node:
    """Return a variable."""
    found = node("variable", value=token.value, binding=parser.binding_of(token.value))
    return parser.located(found, token.start)


def _let(parser: Reader, token: ExpressionToken) -> Node:
    """Return `let $a = x, $b = y in body`. The values see neither of the new variables."""
    values: list[Node] = []
    scope, bindings = dict[str, int](), list[int]()
    while not bindings or parser.kind == "comma":
        if bindings:
            parser.advance()
        named = parser.match("variable").value
        parser.match("assign")
        values.append(parser.expression(0))
        bindings.append(parser.new_binding())
        scope[named] = bindings[-1]
    if parser.token[:2] != ("unquoted_identifier", "in"):
        parser.fail(message="`in` and an expression must follow the values of `let`")
    parser.advance()
    body = parser.within(scope)
    return parser.located(node("let_expression", *values, body, bindings=bindings), token.start)


def current(_parser: Reader, _token: ExpressionToken) -> Node:
    """Return `@`."""
    return node("current")


def parentheses(parser: Reader, _token: ExpressionToken) -> Node:
    """Return the expression in parentheses."""
    inner = parser.expression(0)
    parser.match("rparen")
    return inner


def reference(parser: Reader, _token: ExpressionToken) -> Node:
    """Return `&expression`."""
    return node("expref", parser.expression(0))


def negation(parser: Reader, _token: ExpressionToken) -> Node:
    """Return `!operand`."""
    return node("not_expression", parser.expression(power("not")))


def unary(parser: Reader, token: ExpressionToken) -> Node:
    """Return `-operand` or `+operand`."""
    return parser.located(node("unary", parser.expression(UNARY), value=token.kind), token.start)


def hash_(parser: Reader, _token: ExpressionToken) -> Node:
    """Return an object of expressions: `{a: x, b: y}`."""
    pairs = []
    while True:
        key = parser.match(*NAMES).value
        parser.match("colon")
        pairs.append(node("key_val_pair", parser.expression(0), value=key))
        # The `jmespath` package accepts pairs without a comma between them.
        if parser.kind == "comma":
            parser.advance()
        elif parser.kind == "rbrace":
            parser.advance()
            return node("multi_select_dict", *pairs)
