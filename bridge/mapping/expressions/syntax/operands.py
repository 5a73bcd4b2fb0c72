"""Parsing of operands: names, variables, literals, signs, parentheses and objects of expressions.

The parser reads the first token of an operand. Then it calls the function for the kind of this token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.mapping.expressions.syntax.precedence import NAMES, UNARY, power
from bridge.mapping.expressions.syntax.tree import node

if TYPE_CHECKING:
    from bridge.mapping.expressions.syntax.lexer import ExpressionToken
    from bridge.mapping.expressions.syntax.token_reader import TokenReader
    from bridge.mapping.expressions.syntax.tree import Node

MAX_NUMBER_CHARS: Final = 400
"""Maximum number of characters of a number. The largest 64-bit float has 309 digits without an exponent."""


def literal(_parser: TokenReader, token: ExpressionToken) -> Node:
    """Return the node of a literal in back quotes or single quotes."""
    return node("literal", value=token.value)


def number(parser: TokenReader, token: ExpressionToken) -> Node:
    """Return the node of a number without back quotes, which is an extension of this program."""
    return node("literal", value=_value(parser, token))


def _value(parser: TokenReader, token: ExpressionToken) -> Any:
    digits = token.value.removeprefix("-")
    if len(digits) > MAX_NUMBER_CHARS:
        parser.fail(token=token, message=f"a number has at most {MAX_NUMBER_CHARS} characters")
    # As in JSON, 007 is an error, because other languages read 007 as an octal number.
    if digits[0] == "0" and digits[1:2].isdigit():
        parser.fail(token=token, message="a number has no leading zeros")
    return int(token.value) if digits.isdigit() else float(token.value)


def name(parser: TokenReader, token: ExpressionToken) -> Node:
    """Return the node of a field, or of a `let` expression. The word `let` is a field if no variable follows."""
    if token.value == "let" and parser.kind == "variable":
        return _let(parser, token)
    return parser.located(node("field", value=token.value), token.start)


def quoted_name(parser: TokenReader, token: ExpressionToken) -> Node:
    """Return the node of a field whose name is in double quotes."""
    if parser.kind == "lparen":
        parser.fail(token=token, message="a function's name has no quotes")
    return parser.located(node("field", value=token.value), token.start)


def variable(parser: TokenReader, token: ExpressionToken) -> Node:
    """Return the node of a variable."""
    found = node("variable", value=token.value, binding=parser.binding_of(token.value))
    return parser.located(found, token.start)


def _let(parser: TokenReader, token: ExpressionToken) -> Node:
    """Return the node of `let $a = x, $b = y in body`. The expressions `x` and `y` cannot read `$a` and `$b`."""
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
    # `in` is not a keyword, because a field can have this name. So the lexer reads `in` as a name.
    if parser.token[:2] != ("unquoted_identifier", "in"):
        parser.fail(message="`in` and an expression must follow the values of `let`")
    parser.advance()
    body = parser.within(scope)
    return parser.located(node("let_expression", *values, body, bindings=bindings), token.start)


def current(_parser: TokenReader, _token: ExpressionToken) -> Node:
    """Return the node of `@`."""
    return node("current")


def parentheses(parser: TokenReader, _token: ExpressionToken) -> Node:
    """Return the node of the expression in parentheses."""
    inner = parser.expression(0)
    parser.match("rparen")
    return inner


def reference(parser: TokenReader, _token: ExpressionToken) -> Node:
    """Return the node of `&expression`."""
    return node("expref", parser.expression(0))


def negation(parser: TokenReader, _token: ExpressionToken) -> Node:
    """Return the node of `!operand`."""
    return node("not_expression", parser.expression(power("not")))


def unary(parser: TokenReader, token: ExpressionToken) -> Node:
    """Return the node of `-operand` or `+operand`."""
    return parser.located(node("unary", parser.expression(UNARY), value=token.kind), token.start)


def hash_(parser: TokenReader, _token: ExpressionToken) -> Node:
    """Return the node of an object of expressions: `{a: x, b: y}`."""
    pairs = []
    while True:
        key = parser.match(*NAMES).value
        parser.match("colon")
        pairs.append(node("key_val_pair", parser.expression(0), value=key))
        # A missing comma between two pairs is accepted, as in the `jmespath` package.
        if parser.kind == "comma":
            parser.advance()
        elif parser.kind == "rbrace":
            parser.advance()
            return node("multi_select_dict", *pairs)
