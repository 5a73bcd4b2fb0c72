"""JMESPath expressions, which are compiled when a mapping is loaded, and evaluated for every message.

An expression has the same results and errors as with the `jmespath` package (https://jmespath.org/specification.html).
In addition, it can use the functions in `bridge.mapping.expressions.functions`, and the variables, operators and
conditionals of the JMESPath Community specification (https://jmespath.site).

The following errors are found when the expression is compiled. The `jmespath` package finds them only when it evaluates
the expression:

- unknown functions and wrong numbers of arguments
- unknown tables, and invalid patterns and formats
- a step of 0 in a slice
- `&name` for a parameter that does not accept an expression

The length of the text, its nesting, and the size of a result are limited. If a limit is exceeded, compilation raises
ExpressionError, or evaluation raises TransformError.
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
from bridge.mapping.expressions.early_condition import early_condition
from bridge.mapping.expressions.error_texts import (
    method_call_advice,
    unexpected_end,
    unexpected_token,
    unfitting_token,
)
from bridge.mapping.expressions.evaluation import Evaluation, pooled
from bridge.mapping.expressions.functions.conditional import truthy
from bridge.mapping.expressions.hoisting import hoist
from bridge.mapping.expressions.syntax.lexer import LexerError
from bridge.mapping.expressions.syntax.parser import Parser
from bridge.mapping.expressions.syntax.token_reader import ParserError, unclosed_bracket

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.mapping.expressions.syntax.tree import Node

__all__ = [
    "EMPTY",
    "Expression",
    "ExpressionError",
    "Tables",
    "compile_early_condition",
    "compile_expression",
    "truthy",
]

MAX_EXPRESSION_CHARS: Final = 65_536
"""Maximum length of an expression's text, in characters."""
# Number of nested levels up to which the evaluation cannot exhaust Python's stack. Each level uses at most five nested
# calls, and Python allows 1,000 nested calls by default.
_SAFE_DEPTH: Final = 40

Tables: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Lookup tables by name. Each table maps keys to values. All mappings share the tables, so they must not be changed."""

EMPTY: Final[Tables] = MappingProxyType({})

# Cache of the compiled expressions that are in use. The keys are the texts of the expressions. Different mappings, and
# successive versions of one mapping, often contain the same expressions. A reload of 1,000 edited files with unchanged
# expressions takes 0.5 s of CPU with this cache, and 1.3 s without it.
_IN_USE: Final[WeakValueDictionary[str, Expression]] = WeakValueDictionary()


class ExpressionError(ValueError):
    """An error in an expression, found when the expression is compiled. `offset` is the error's position in `text`."""

    def __init__(self, message: str, offset: int, text: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.text = text

    def caret(self) -> str:
        """Return two lines: the faulty line of the expression, and a line with a ^ under the error."""
        start = self.text.rfind("\n", 0, self.offset) + 1
        end = self.text.find("\n", self.offset)
        # `offset` counts a tab as one character. Replacing each tab by one space keeps the ^ in the right column.
        line = self.text[start : end if end >= 0 else None].replace("\t", " ")
        return f"{line}\n{' ' * (self.offset - start)}^"


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Expression:
    """A compiled expression.

    - `text`: the text of the expression
    - `names`: the names in the scope that the expression may read, or None if it may read the entire scope (`keys(@)`)
    - `members`: the members of these names that the expression reads: ("captures", "site") for `captures.site`
    - `inner`: pairs as in `members`, but for paths that are not read from the scope: ("a", "b") for `payload[].a.b.c`
    - `inner_names`: the first names of paths that are not read from the scope (see `analysis.inner_names`)
    - `variables`: the predefined variables that the expression reads
    - `hyphens`: the offsets of all `-` between two names, or between a name and a number, without spaces
    - `flat_pairs`: the offsets of calls whose pairs are flattened by `[]`, as in `items(a)[].{name: [0]}`
    - `search`: the function that evaluates the expression on a scope

    `search` raises TransformError. Several threads may call `search` at once. A result may share parts with the scope
    and with other results, so callers must not change a result in place.
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
    """Return the compiled expression. Raise ExpressionError. `tables` are the lookup tables for `lookup`."""
    # Do not cache an expression with a lookup. The compiled expression contains the table, and the table may change.
    if "lookup" in text:
        return _compiled(text, tables)
    found = _IN_USE.get(text)
    if found is None:
        found = _IN_USE[text] = _compiled(text, EMPTY)
    return found


def compile_early_condition(text: str, late_names: frozenset[str], tables: Tables = EMPTY) -> Expression | None:
    """Return the compiled early condition of a condition, or None if no early condition exists.

    The early condition does not read the members `late_names` of the scope (see `early_condition.py`). The text must be
    a valid expression.
    """
    tree, parser = _parsed(text)
    part = early_condition(tree, late_names)
    if part is tree:
        return compile_expression(text, tables)
    return None if part is None else _of_tree(text, part, parser, tables)


def _compiled(text: str, tables: Tables) -> Expression:
    """Parse, check and compile an expression. Raise ExpressionError."""
    tree, parser = _parsed(text)
    return _of_tree(text, tree, parser, tables)


def _of_tree(text: str, tree: Node, parser: Parser, tables: Tables) -> Expression:
    """Check and compile a tree. Raise ExpressionError."""
    try:
        static_checks.check(tree)
        members = frozenset(analysis.members(tree))
        inner = frozenset(analysis.members_anywhere(tree)) - members
        names, inner_names, variables = analysis.context_names(tree), analysis.inner_names(tree), frozenset[str]()
        pairs = tuple(parser.starts[id(call)] for call in analysis.flattened_pairs(tree))
        bindings = 0
        # Most expressions have no variables. For these, the test saves time.
        if "$" in text:
            members |= frozenset(analysis.variable_members(tree))
            variables = analysis.predefined_variables(tree)
            names = None if names is None else names | variables
            # `hoist` changes the tree, so call it after the analysis.
            bindings = hoist(tree, parser.bindings)
        search = _search(tree, bindings, tables)
        return Expression(text, names, members, inner, inner_names, variables, tuple(parser.hyphens), pairs, search)
    except static_checks.ExpressionFault as flaw:
        offset = parser.starts.get(id(flaw.node), 0)
        advice = ""
        if isinstance(flaw, static_checks.WrongArity):
            advice = method_call_advice(flaw.node["value"], text, offset)
        raise ExpressionError(f"{flaw}{advice}", offset, text) from flaw
    except RecursionError as error:
        raise ExpressionError("the expression is nested too deeply", 0, text) from error


def _search(tree: Node, bindings: int, tables: Tables) -> Callable[[Any], Any]:
    """Return the closure for the tree. Raise ExpressionFault."""

    def build() -> tuple[Callable[[Any], Any], Evaluation]:
        compiler = Compiler(tables, bindings)
        return compiler.root(tree), compiler.evaluation

    # Only some expressions use a state (see `evaluation.py`). All threads can share the closures of expressions without
    # a state.
    search, evaluation = build()
    if evaluation.used:
        search = pooled((search, evaluation), build)
    # The guard needs one more call per message, so only deeply nested expressions have a guard.
    return _guarded(search) if analysis.depth(tree) > _SAFE_DEPTH else search


def _guarded(search: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a closure that raises TransformError if `search` exhausts Python's stack."""

    def guarded(value: Any) -> Any:
        try:
            return search(value)
        except RecursionError:
            raise TransformError("the expression is nested too deeply to be evaluated") from None

    return guarded


def _parsed(text: str) -> tuple[Node, Parser]:
    """Return the tree of the text, and the parser that has created the tree. Raise ExpressionError."""
    if len(text) > MAX_EXPRESSION_CHARS:
        raise ExpressionError(f"the expression is longer than {MAX_EXPRESSION_CHARS} characters", 0, text)
    if not text:
        raise ExpressionError("the expression is empty", 0, text)
    try:
        parser = Parser(text)
        return parser.parse(), parser
    except LexerError as error:
        raise ExpressionError(error.message or unexpected_token(text, error.offset), error.offset, text) from error
    except ParserError as error:
        raise _unreadable(error, text) from error
    except RecursionError as error:
        raise ExpressionError("the expression is nested too deeply", 0, text) from error


def _unreadable(error: ParserError, text: str) -> ExpressionError:
    """Return the error for a token that is not possible at its position."""
    # If the text ends too early, the error points behind the last character that is not white space.
    offset = min(error.token.start, len(text.rstrip()))
    if error.message:
        message = error.message
    elif error.token.kind == "eof":
        unclosed = unclosed_bracket(text)
        message, offset = unexpected_end(unclosed), unclosed.start if unclosed else offset
    else:
        message = unfitting_token(error.expected, text, offset) if error.expected else unexpected_token(text, offset)
    return ExpressionError(message, offset, text)
