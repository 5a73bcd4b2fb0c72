"""Parser: converts the tokens of an expression to a tree, by precedence (V.

R. Pratt, "Top down operator precedence"). It accepts every expression that the parser of the `jmespath` package
accepts, and returns the same tree. `tree.py` describes the nodes. An expression is an operand (`operands`), followed by
any number of continuations (`operators`, `brackets`). The left operand of a continuation is everything before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.mapping.expressions.syntax import brackets, operands, operators
from bridge.mapping.expressions.syntax.precedence import ARITHMETIC, COMPARATORS, power
from bridge.mapping.expressions.syntax.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.mapping.expressions.syntax.lexer import ExpressionToken
    from bridge.mapping.expressions.syntax.tree import Node


class Parser(Reader):
    """Parser of one text."""

    def parse(self) -> Node:
        """Return the tree of the complete text."""
        tree = self.expression(0)
        if self.kind != "eof":
            self.fail()
        return tree

    def expression(self, least: int) -> Node:
        """Return the longest expression whose operators all bind more strongly than `least`."""
        token = self.advance()
        begin = _OPERANDS.get(token.kind)
        if begin is None:
            self.fail(token=token)
        left = begin(self, token)
        while least < power(self.kind):
            token = self.advance()
            extend = _CONTINUATIONS.get(token.kind)
            if extend is None:
                self.fail(token=token)
            left = extend(self, left, token)
        return left


# Functions for the tokens that begin an expression.
_OPERANDS: Final[Mapping[str, Callable[[Reader, ExpressionToken], Node]]] = {
    "literal": operands.literal,
    "number": operands.number,
    "unquoted_identifier": operands.name,
    "quoted_identifier": operands.quoted_name,
    "variable": operands.variable,
    "current": operands.current,
    "lparen": operands.parentheses,
    "lbrace": operands.hash_,
    "expref": operands.reference,
    "not": operands.negation,
    "minus": operands.unary,
    "plus": operands.unary,
    "star": brackets.wildcard,
    "filter": brackets.leading_filter,
    "flatten": brackets.leading_flatten,
    "lbracket": brackets.leading_bracket,
}

# Functions for the tokens that continue one.
_CONTINUATIONS: Final[Mapping[str, Callable[[Reader, Node, ExpressionToken], Node]]] = {
    "dot": brackets.dot,
    "flatten": brackets.flatten,
    "filter": brackets.filter_,
    "lbracket": brackets.bracket,
    "pipe": operators.pipe,
    "or": operators.either,
    "and": operators.both,
    "question": operators.conditional,
    "lparen": operators.call,
    **dict.fromkeys(COMPARATORS, operators.comparison),
    **dict.fromkeys(ARITHMETIC, operators.arithmetic),
}
