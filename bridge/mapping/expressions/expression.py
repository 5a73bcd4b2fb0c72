"""JMESPath expressions, compiled once when a mapping is loaded and evaluated for every message.

Results, types and errors are those of the `jmespath` package (https://jmespath.org/specification.html), plus the
functions of `bridge.mapping.expressions.functions`. What is found when the mapping is loaded and not at the first
message: unknown functions, wrong numbers of arguments, unknown tables, patterns and formats that are not valid, a
slice's step of 0, and `&name` where no function takes an expression. What is bounded: the text's length, its nesting,
and how much larger than the message a result can become; past a bound, loading (ExpressionError) or the message
(TransformError) fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from weakref import WeakValueDictionary

from jmespath import exceptions
from jmespath.lexer import Lexer
from jmespath.parser import Parser

from bridge.errors import TransformError
from bridge.mapping.expressions import analysis, checks
from bridge.mapping.expressions.compiler import Compiler
from bridge.mapping.expressions.functions.conditional import truthy
from bridge.mapping.expressions.hints import explained

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.mapping.expressions.analysis import Node

__all__ = ["EMPTY", "Expression", "ExpressionError", "Tables", "compile_expression", "truthy"]

MAX_EXPRESSION_CHARS: Final = 65_536
_REMEMBERED: Final = 256
_SAFE_DEPTH: Final = 40
"""Each level takes at most five calls, of the thousand that Python allows."""

Tables: TypeAlias = Mapping[str, Mapping[str, Any]]
"""By the table's name, then by key. Shared by all mappings: never to be changed."""

EMPTY: Final[Tables] = MappingProxyType({})

_IN_USE: Final[WeakValueDictionary[str, Expression]] = WeakValueDictionary()
"""Where 2,000 files are edited at once, a fifth of the time would go to expressions that stayed as they were."""

_PARSER_FAILURES: Final = (ValueError, LookupError, TypeError, AttributeError)


class ExpressionError(ValueError):
    """An expression that cannot be compiled. `offset` is where, in characters from the start of `text`."""

    def __init__(self, message: str, offset: int, text: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.text = text

    def caret(self) -> str:
        """The line of the expression that is wrong, and under it a ^ at the place."""
        start = self.text.rfind("\n", 0, self.offset) + 1
        end = self.text.find("\n", self.offset)
        line = self.text[start : end if end >= 0 else None].replace("\t", " ")
        return f"{line}\n{' ' * (self.offset - start)}^"


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Expression:
    """A compiled expression.

    `names` are the members of the scope that it can read; None: it may read the whole scope (`@`, `keys(@)`, `*`).
    `members` are the names that it reads of a member of the scope: ("captures", "site") for `captures.site`; `inner`
    those that it reads of something else, such as the items of a list.
    `search` gives its result on a scope and raises TransformError. It may be called by several threads at once. The
    result may share parts with the scope and with other results: never change it in place.
    """

    text: str
    names: frozenset[str] | None
    members: frozenset[tuple[str, str]]
    inner: frozenset[tuple[str, str]]
    search: Callable[[Any], Any]


def compile_expression(text: str, tables: Tables = EMPTY) -> Expression:
    """Compiles an expression; `tables` are the lookup tables by name, their keys as text. Raises ExpressionError."""
    # A mapping's expressions are compiled when it is validated and when it is put in force, and many mappings share
    # some. A table is not to be kept by an expression that is out of use.
    return _compiled(text, tables) if "lookup" in text else _remembered(text)


@lru_cache(maxsize=_REMEMBERED)
def _remembered(text: str) -> Expression:
    found = _IN_USE.get(text)
    if found is None:
        found = _IN_USE[text] = _compiled(text, EMPTY)
    return found


def _compiled(text: str, tables: Tables) -> Expression:
    tree = _parsed(text)
    try:
        checks.check(tree)
        search = Compiler(tables).context(tree)
        deep = analysis.depth(tree) > _SAFE_DEPTH
        members = frozenset(analysis.members(tree))
        inner = frozenset(analysis.members_anywhere(tree)) - members
        return Expression(text, analysis.names(tree), members, inner, _guarded(search) if deep else search)
    except checks.ExpressionFault as flaw:
        raise ExpressionError(str(flaw), _offset(text, tree, flaw.node), text) from flaw
    except RecursionError as error:
        raise ExpressionError("the expression is nested too deeply", 0, text) from error


def _guarded(search: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same, where Python's stack may not be deep enough for the calls that evaluate the expression."""

    def guarded(value: Any) -> Any:
        try:
            return search(value)
        except RecursionError:
            raise TransformError("the expression is nested too deeply to be evaluated") from None

    return guarded


def _parsed(text: str) -> Node:
    if len(text) > MAX_EXPRESSION_CHARS:
        raise ExpressionError(f"the expression is longer than {MAX_EXPRESSION_CHARS} characters", 0, text)
    try:
        tree: Any = Parser().parse(text).parsed
    except exceptions.IncompleteExpressionError as error:
        raise ExpressionError("the expression ends too early", len(text), text) from error
    except exceptions.LexerError as error:
        raise _unreadable(error.message, error.lexer_position, text) from error
    except exceptions.ParseError as error:
        if error.token_type == "EOF":  # noqa: S105 - a kind of token
            raise ExpressionError("the expression ends too early", len(text), text) from error
        raise _unreadable(error.msg, error.lex_position, text) from error
    except exceptions.EmptyExpressionError as error:
        raise ExpressionError("the expression is empty", 0, text) from error
    except RecursionError as error:
        raise ExpressionError("the expression is nested too deeply", 0, text) from error
    except _PARSER_FAILURES as error:
        raise ExpressionError(f"the expression cannot be read: {error}", 0, text) from error
    checked: Node = tree
    return checked


def _unreadable(message: str, position: int, text: str) -> ExpressionError:
    offset = min(position, len(text))
    return ExpressionError(explained(message, text, offset), offset, text)


def _offset(text: str, tree: Node, node: Node | None) -> int:
    """Where a function call stands in the text: the parse tree does not say, but its calls are in the text's order."""
    if node is None:
        return 0
    tokens = list(Lexer().tokenize(text))
    starts = [
        token["start"]
        for token, following in pairwise(tokens)
        if token["type"] == "unquoted_identifier" and following["type"] == "lparen"
    ]
    calls = [one for one in analysis.walk(tree) if one["type"] == "function_expression"]
    place = next(number for number, one in enumerate(calls) if one is node)
    # Where a call is written unusually, as in (abs)(x), the counts differ.
    return int(starts[place]) if len(starts) == len(calls) else max(text.find(node["value"]), 0)
