"""Detection of names in double quotes that were probably meant as texts, as in SQL or Python.

`[?unit == "F"]` compares two fields. No element has a field `F`, so the filter removes everything, without an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bridge.mapping.expressions.analysis import children, walk
from bridge.mapping.expressions.syntax.parser import Parser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.mapping.expressions.syntax.tree import Node


class QuotedName(NamedTuple):
    """A name and its offset in the expression. `necessary` is true if it would not be a name without the quotes."""

    name: str
    offset: int
    necessary: bool


def compared_names(text: str) -> list[QuotedName]:
    """Return the quoted names that are compared with a value, or passed with others to a function.

    `text` is a valid expression. Names that are compared with a literal are excluded. So are names of members that the
    expression itself creates.
    """
    if '"' not in text:
        return []
    parser = Parser(text)
    tree = parser.parse()
    defined = {name for node in walk(tree) for name in _defined(node)}
    found = [(each["value"], parser.starts[id(each)]) for node in walk(tree) for each in _operands(node)]
    return [
        QuotedName(name, offset, not (name.isascii() and name.isidentifier()))
        for name, offset in found
        if text[offset] == '"' and name not in defined
    ]


def _operands(node: Node) -> Iterator[Node]:
    """Yield the fields whose other operand is not a literal."""
    operands = children(node) if node["type"] in {"comparator", "function_expression"} else []
    for each in operands if len(operands) > 1 else ():
        others = [other["type"] for other in operands if other is not each]
        if each["type"] == "field" and set(others) != {"literal"}:
            yield each


def _defined(node: Node) -> Iterator[str]:
    if node["type"] == "key_val_pair":
        yield node["value"]
