"""Reader of the tokens of an expression: the base class of the parser.

The parsing functions in `operands`, `operators` and `brackets` use its methods.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final, NoReturn

from bridge.mapping.expressions.syntax.lexer import OPERAND_ENDS, ExpressionToken, tokens

if TYPE_CHECKING:
    from bridge.mapping.expressions.syntax.tree import Node


class ParserError(ValueError):
    """Error for a token that is not possible at its position.

    `expected` are the kinds of tokens that are possible at this position. `expected` is empty if there are too many
    kinds to list.
    """

    def __init__(self, token: ExpressionToken, expected: tuple[str, ...] = (), message: str = "") -> None:
        super().__init__(message)
        self.token = token
        self.expected = expected
        self.message = message


class TokenReader(ABC):
    """Reader of the tokens of one text. Its methods raise ParserError.

    The methods also raise RecursionError if the text is nested too deeply for Python's stack.

    - `starts`: the offsets of nodes in the text, by the `id` of the node
    - `bindings`: the number of variables that `let` and `map` have bound so far
    - `hyphens`: the offsets of all `-` between two names, or between a name and a number, without spaces: `flow-rate`
    """

    def __init__(self, text: str) -> None:
        self._tokens = tokens(text)
        self._place = 0
        # One dictionary for each `let` and `map` around the current position: the numbers of its variables, by name.
        self._scopes: list[dict[str, int]] = []
        self.bindings = 0
        self.starts: dict[int, int] = {}
        self.hyphens: list[int] = []

    @property
    def token(self) -> ExpressionToken:
        """The current token, which is the next token to read."""
        return self._tokens[self._place]

    @property
    def kind(self) -> str:
        """Kind of the current token."""
        return self._tokens[self._place].kind

    def peek(self, distance: int) -> ExpressionToken:
        """Return the token at this distance from the current token. A negative distance means an earlier token.

        If the distance leads beyond the end of the text, return the last token.
        """
        return self._tokens[min(self._place + distance, len(self._tokens) - 1)]

    def advance(self) -> ExpressionToken:
        """Read the current token and return it."""
        self._place += 1
        return self._tokens[self._place - 1]

    def match(self, *kinds: str) -> ExpressionToken:
        """Read the current token and return it. Raise ParserError if it has none of these kinds."""
        if self.kind not in kinds:
            self.fail(*kinds)
        return self.advance()

    def fail(self, *expected: str, message: str = "", token: ExpressionToken | None = None) -> NoReturn:
        """Raise ParserError for a token, by default for the current token."""
        raise ParserError(token or self.token, expected, message)

    def located(self, node: Node, offset: int) -> Node:
        """Store the offset of a node in the text, for error messages. Return the node."""
        self.starts[id(node)] = offset
        return node

    @abstractmethod
    def expression(self, least: int) -> Node:
        """Return the next expression. The expression ends before the first operator whose power is at most `least`."""

    def within(self, scope: dict[str, int]) -> Node:
        """Return the next expression, in which the variables in `scope` are bound."""
        self._scopes.append(scope)
        node = self.expression(0)
        self._scopes.pop()
        return node

    def new_binding(self) -> int:
        """Return the number of a new variable (see `tree.py`)."""
        self.bindings += 1
        return self.bindings - 1

    def binding_of(self, name: str) -> int | None:
        """Return the number of the variable with this name, or None if no `let` and no `map` binds the name."""
        return next((scope[name] for scope in reversed(self._scopes) if name in scope), None)


_CLOSING: Final = {"rparen": {"lparen"}, "rbrace": {"lbrace"}, "rbracket": {"lbracket", "filter"}}


def unclosed_bracket(text: str) -> ExpressionToken | None:
    """Return the innermost bracket that is not closed at the end of the text.

    Return None if all brackets are closed, or if the text does not end with an operand. In the second case, the missing
    operand is the more likely error.
    """
    found = tokens(text)[:-1]
    if not found or found[-1].kind not in OPERAND_ENDS:
        return None
    opened: list[ExpressionToken] = []
    for token in found:
        if token.kind in {"lparen", "lbrace", "lbracket", "filter"}:
            opened.append(token)
        elif opened and opened[-1].kind in _CLOSING.get(token.kind, ()):
            opened.pop()
    return opened[-1] if opened else None
