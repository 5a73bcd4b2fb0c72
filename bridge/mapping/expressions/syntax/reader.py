"""Reader of tokens: the part of the parser that the functions of the grammar use."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final, NoReturn

from bridge.mapping.expressions.syntax.lexer import OPERAND_ENDS, ExpressionToken, tokens

if TYPE_CHECKING:
    from bridge.mapping.expressions.syntax.tree import Node


class ParserError(ValueError):
    """Error for a token in the wrong position.

    `expected` lists the kinds that are possible there. It is empty if any other kind is possible.
    """

    def __init__(self, token: ExpressionToken, expected: tuple[str, ...] = (), message: str = "") -> None:
        super().__init__(message)
        self.token = token
        self.expected = expected
        self.message = message


class Reader(ABC):
    """Reader of the tokens of one text. Its methods raise ParserError; RecursionError if the text is nested too deeply.

    `starts` has the offset of each node of the tree, by `id`. `bindings` is the number of variables that `let` and
    `map` bind. `hyphens` are the offsets of all `-` without spaces between two names, or between a name and a number:
    `flow-rate`.
    """

    def __init__(self, text: str) -> None:
        self._tokens = tokens(text)
        self._place = 0
        self._scopes: list[dict[str, int]] = []
        self.bindings = 0
        self.starts: dict[int, int] = {}
        self.hyphens: list[int] = []

    @property
    def token(self) -> ExpressionToken:
        """The current token, which is not read yet."""
        return self._tokens[self._place]

    @property
    def kind(self) -> str:
        """Kind of the current token."""
        return self._tokens[self._place].kind

    def peek(self, distance: int) -> ExpressionToken:
        """Return the token at this distance from the current token, or the last token."""
        return self._tokens[min(self._place + distance, len(self._tokens) - 1)]

    def advance(self) -> ExpressionToken:
        """Return the current token, and make the next one current."""
        self._place += 1
        return self._tokens[self._place - 1]

    def match(self, *kinds: str) -> ExpressionToken:
        """Return the current token and advance. Fail if the token is of none of the kinds."""
        if self.kind not in kinds:
            self.fail(*kinds)
        return self.advance()

    def fail(self, *expected: str, message: str = "", token: ExpressionToken | None = None) -> NoReturn:
        """Raise ParserError for a token; by default, for the current token."""
        raise ParserError(token or self.token, expected, message)

    def located(self, node: Node, offset: int) -> Node:
        """Return the node, and store its offset in the text for errors."""
        self.starts[id(node)] = offset
        return node

    @abstractmethod
    def expression(self, least: int) -> Node:
        """Return the longest expression whose operators all bind more strongly than `least`."""

    def within(self, scope: dict[str, int]) -> Node:
        """Return the next expression, in which the variables of `scope` are bound."""
        self._scopes.append(scope)
        node = self.expression(0)
        self._scopes.pop()
        return node

    def new_binding(self) -> int:
        """Return the integer of a new variable."""
        self.bindings += 1
        return self.bindings - 1

    def binding_of(self, name: str) -> int | None:
        """Return the integer of the variable of this name; None for a predefined variable."""
        return next((scope[name] for scope in reversed(self._scopes) if name in scope), None)


_CLOSING: Final = {"rparen": {"lparen"}, "rbrace": {"lbrace"}, "rbracket": {"lbracket", "filter"}}


def unclosed_bracket(text: str) -> ExpressionToken | None:
    """Return the innermost bracket that is open at the end; None if an operand is missing there. `text` has tokens."""
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
