"""Parser: converts the tokens of an expression to a tree.

The parser is a Pratt parser (V. R. Pratt, "Top down operator precedence"). An expression begins with an operand, such
as a name (`operands.py`). Any number of continuations can follow, such as `+ b` or `[0]` (`operators.py`,
`brackets.py`). The expression before a continuation is the left operand of the continuation.

The parser accepts every expression that the parser of the `jmespath` package accepts, and returns the same tree.
`tree.py` describes the nodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.mapping.expressions.syntax import brackets, operands, operators
from bridge.mapping.expressions.syntax.precedence import ARITHMETIC, COMPARATORS, power
from bridge.mapping.expressions.syntax.token_reader import TokenReader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.mapping.expressions.syntax.lexer import ExpressionToken
    from bridge.mapping.expressions.syntax.tree import Node


class Parser(TokenReader):
    """Parser for the text of one expression."""

    def parse(self) -> Node:
        """Return the tree of the complete text."""
        tree = self.expression(0)
        if self.kind != "eof":
            self.fail()
        return tree

    def expression(self, least: int) -> Node:
        """Return the next expression. The expression ends before the first operator whose power is at most `least`."""
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


# Functions for the kinds of tokens that begin an expression.
_OPERANDS: Final[Mapping[str, Callable[[TokenReader, ExpressionToken], Node]]] = {
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

# Functions for the kinds of tokens that continue an expression.
_CONTINUATIONS: Final[Mapping[str, Callable[[TokenReader, Node, ExpressionToken], Node]]] = {
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
