"""Detection of names in double quotes that were probably meant as texts.

In Python and JavaScript, double quotes mark a text. In JMESPath, they mark the name of a field. So `[?unit == "F"]`
compares two fields. No element has a field `F`, so the filter removes all elements, without an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bridge.mapping.expressions.analysis import children, walk
from bridge.mapping.expressions.syntax.parser import Parser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.mapping.expressions.syntax.tree import Node


class QuotedName(NamedTuple):
    """A name in double quotes, and its offset in the expression.

    `necessary` is True if the name needs the quotes, such as "flow-rate".
    """

    name: str
    offset: int
    necessary: bool


def compared_names(text: str) -> list[QuotedName]:
    """Return the names in double quotes that were probably meant as texts. `text` must be a valid expression.

    A name is returned if it is compared with another value, or if it is one of several arguments of a function. Two
    kinds of names are not returned:

    - names that are only used with literals, as in `"a-b" == 'x'`
    - names of members that the expression itself creates, as in `{"a-b": x}`
    """
    if '"' not in text:
        return []
    # A compiled expression does not contain its tree, so parse the text again.
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
    """Yield the fields among the operands of a comparison or call. Skip a field if all other operands are literals."""
    operands = children(node) if node["type"] in {"comparator", "function_expression"} else []
    for each in operands if len(operands) > 1 else ():
        others = [other["type"] for other in operands if other is not each]
        if each["type"] == "field" and set(others) != {"literal"}:
            yield each


def _defined(node: Node) -> Iterator[str]:
    if node["type"] == "key_val_pair":
        yield node["value"]
