"""JMESPath expressions, compiled once when a mapping is loaded and evaluated for every message.

Results, types and errors are those of the `jmespath` package (https://jmespath.org/specification.html), plus variables,
operators and conditionals of the JMESPath Community specification (https://jmespath.site), and the functions of
`bridge.mapping.expressions.functions`.

Compilation raises ExpressionError for the following errors, so that they are reported before the first message:

- unknown functions and wrong numbers of arguments
- unknown tables, and invalid patterns and formats
- a step of 0 in a slice
- `&name` at an argument that does not accept an expression

Three quantities have limits: the length of the text, its nesting, and the size of a result relative to the message.
Beyond a limit, compilation raises ExpressionError, or evaluation raises TransformError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from weakref import WeakValueDictionary

from bridge.errors import TransformError
from bridge.mapping.expressions import analysis, static_checks
from bridge.mapping.expressions.compiler import Compiler
from bridge.mapping.expressions.early import necessary
from bridge.mapping.expressions.evaluation import Evaluation, pooled
from bridge.mapping.expressions.functions.conditional import truthy
from bridge.mapping.expressions.hints import ended, expected, misplaced, of_method
from bridge.mapping.expressions.hoisting import hoist
from bridge.mapping.expressions.syntax.lexer import LexerError
from bridge.mapping.expressions.syntax.parser import Parser
from bridge.mapping.expressions.syntax.reader import ParserError, unclosed_bracket

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.mapping.expressions.syntax.tree import Node

__all__ = ["EMPTY", "Expression", "ExpressionError", "Tables", "compile_expression", "compile_necessary", "truthy"]

MAX_EXPRESSION_CHARS: Final = 65_536
"""Maximum length of an expression's text, in characters."""
# Nested levels below which no guard is needed.
# Each uses at most five calls, and Python allows a thousand by default.
_SAFE_DEPTH: Final = 40

Tables: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Lookup tables: entries by the table's name, then by key. All mappings share them, so they must not be changed."""

EMPTY: Final[Tables] = MappingProxyType({})

# Compiled expressions that are in use, by text. Mappings that contain the same expression share it, and so do
# successive versions of one mapping. A reload of 1,000 edited files whose expressions are unchanged needs 0.5 s of CPU
# with them, and 1.3 s without.
_IN_USE: Final[WeakValueDictionary[str, Expression]] = WeakValueDictionary()


class ExpressionError(ValueError):
    """An error in an expression that cannot be compiled. `offset` counts characters from the start of `text`."""

    def __init__(self, message: str, offset: int, text: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.text = text

    def caret(self) -> str:
        """Return the faulty line of the expression and, on a second line, a ^ under the error."""
        start = self.text.rfind("\n", 0, self.offset) + 1
        end = self.text.find("\n", self.offset)
        # `offset` counts a tab as one character. Replacing it by one space keeps the ^ in the right column.
        line = self.text[start : end if end >= 0 else None].replace("\t", " ")
        return f"{line}\n{' ' * (self.offset - start)}^"


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Expression:
    """A compiled expression.

    `names` are the members of the scope that the expression may read; None: the entire scope (`@`, `keys(@)`, `*`).
    `members` are the pairs that it reads below a member of the scope: ("captures", "site") for `captures.site`. `inner`
    are the pairs that it reads from other values, such as items of a list. `inner_names` are the names that it reads
    there. `variables` are the names of the predefined variables that it reads. `hyphens` are the offsets of all `-`
    without spaces between two names, or between a name and a number. `flat_pairs` are the offsets of calls whose pairs
    `[]` flattens: `items(a)[].{name: [0]}`. `search` returns its result on a scope and raises TransformError. Several
    threads may call it at once. The result may share parts with the scope and with other results, so callers must not
    change it in place.
    """

    text: str
    names: frozenset[str] | None
    members: frozenset[tuple[str, str]]
    inner: frozenset[tuple[str, str]]
    inner_names: frozenset[str]
    variables: frozenset[str]
    hyphens: tuple[int, ...]
    flat_pairs: tuple[int, ...]
    search: Callable[[Any], Any]


def compile_expression(text: str, tables: Tables = EMPTY) -> Expression:
    """Compile an expression. `tables` are the lookup tables by name, their keys as text. Raises ExpressionError."""
    # An expression with a lookup is not cached, because its table may have changed.
    if "lookup" in text:
        return _compiled(text, tables)
    # Hundreds of mappings often contain the same expressions, for example the same condition.
    found = _IN_USE.get(text)
    if found is None:
        found = _IN_USE[text] = _compiled(text, EMPTY)
    return found


def compile_necessary(text: str, late: frozenset[str], tables: Tables = EMPTY) -> Expression | None:
    """Return the part of a condition that does not read the members `late` of the scope; None if there is none.

    If the result of this part is falsy, the condition is falsy. The text must be a valid expression.
    """
    tree, parser = _parsed(text)
    part = necessary(tree, late)
    if part is tree:
        return compile_expression(text, tables)
    return None if part is None else _of_tree(text, part, parser, tables)


def _compiled(text: str, tables: Tables) -> Expression:
    """Parse, check and compile an expression. Raises ExpressionError."""
    tree, parser = _parsed(text)
    return _of_tree(text, tree, parser, tables)


def _of_tree(text: str, tree: Node, parser: Parser, tables: Tables) -> Expression:
    """Check and compile a tree. Raises ExpressionError."""
    try:
        static_checks.check(tree)
        members = frozenset(analysis.members(tree))
        inner = frozenset(analysis.members_anywhere(tree)) - members
        names, inner_names, variables = analysis.context_names(tree), analysis.inner_names(tree), frozenset[str]()
        pairs = tuple(parser.starts[id(call)] for call in analysis.flattened_pairs(tree))
        bindings = 0
        # Most expressions have no variable, and loading thousands of them should be quick.
        if "$" in text:
            members |= frozenset(analysis.variable_members(tree))
            variables = analysis.predefined_variables(tree)
            names = None if names is None else names | variables
            bindings = hoist(tree, parser.bindings)  # last, as it changes the tree
        search = _search(tree, bindings, tables)
        return Expression(text, names, members, inner, inner_names, variables, tuple(parser.hyphens), pairs, search)
    except static_checks.ExpressionFault as flaw:
        offset = parser.starts.get(id(flaw.node), 0)
        advice = of_method(flaw.node["value"], text, offset) if isinstance(flaw, static_checks.WrongArity) else ""
        raise ExpressionError(f"{flaw}{advice}", offset, text) from flaw
    except RecursionError as error:
        raise ExpressionError("the expression is nested too deeply", 0, text) from error


def _search(tree: Node, bindings: int, tables: Tables) -> Callable[[Any], Any]:
    """Return the closure for the tree. Raises ExpressionFault."""

    def build() -> tuple[Callable[[Any], Any], Evaluation]:
        compiler = Compiler(tables, bindings)
        return compiler.root(tree), compiler.evaluation

    # Only an expression with variables or a count of its work has a state. All others are shared by all threads.
    search, evaluation = build()
    if evaluation.used:
        search = pooled((search, evaluation), build)
    # Only a deep expression needs the guard, which costs one more call for each message.
    return _guarded(search) if analysis.depth(tree) > _SAFE_DEPTH else search


def _guarded(search: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a closure that raises TransformError if the evaluation exhausts Python's stack."""

    def guarded(value: Any) -> Any:
        try:
            return search(value)
        except RecursionError:
            raise TransformError("the expression is nested too deeply to be evaluated") from None

    return guarded


def _parsed(text: str) -> tuple[Node, Parser]:
    """Return the tree of the text, and its parser. Raises ExpressionError with the offset of the error."""
    if len(text) > MAX_EXPRESSION_CHARS:
        raise ExpressionError(f"the expression is longer than {MAX_EXPRESSION_CHARS} characters", 0, text)
    if not text:
        raise ExpressionError("the expression is empty", 0, text)
    try:
        parser = Parser(text)
        return parser.parse(), parser
    except LexerError as error:
        raise ExpressionError(error.message or misplaced(text, error.offset), error.offset, text) from error
    except ParserError as error:
        raise _unreadable(error, text) from error
    except RecursionError as error:
        raise ExpressionError("the expression is nested too deeply", 0, text) from error


def _unreadable(error: ParserError, text: str) -> ExpressionError:
    """Return the error for a token in the wrong position. An error of the end points behind the last character."""
    offset = min(error.token.start, len(text.rstrip()))
    if error.message:
        message = error.message
    elif error.token.kind == "eof":
        unclosed = unclosed_bracket(text)
        message, offset = ended(unclosed), unclosed.start if unclosed else offset
    else:
        message = expected(error.expected, text, offset) if error.expected else misplaced(text, offset)
    return ExpressionError(message, offset, text)
