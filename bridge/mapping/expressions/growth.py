"""Upper bound for the size of an expression's result, determined when the expression is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.mapping.expressions.analysis import OPERATIONS, PROJECTIONS, SEQUENCES, children
from bridge.mapping.expressions.functions import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bridge.mapping.expressions.syntax.tree import Node

# Where each element may repeat characters of the expression, this number of them counts as one copy of the document.
_COPY_CHARS: Final = 100

# Characters that an item of a list or object of expressions counts in addition to its name: about those of `null`.
_ITEM_CHARS: Final = 8

# Characters of a number, a boolean or a time.
_SCALAR_CHARS: Final = 32

# Maximum of a number of copies. Without it, the products for long expressions would overflow.
_MAX: Final = 2.0**63

SCALAR_FUNCTIONS: Final = frozenset((
    "abs", "add", "avg", "bits", "bytes_to_float", "bytes_to_int", "ceil", "clamp", "contains", "divide", "ends_with",
    "epoch_ms", "find_first", "find_last", "floor", "iso_time", "length", "modulo", "multiply", "parse_time", "power",
    "regex_match", "round", "scale", "starts_with", "subtract", "sum", "to_number", "type",
))  # fmt: skip
"""Functions that return a number, a boolean or a short text, whatever the size of their arguments."""

_SCALAR: Final = frozenset({"comparator", "not_expression", *OPERATIONS})


class _Size(NamedTuple):
    """Upper bound of a result: copies of the document, copies of its fields, and characters of the expression itself.

    Different fields are different parts of one document, so all fields together are at most as many copies of it as the
    most frequent field.
    """

    document: float = 0.0
    fields: dict[str, float] = {}  # noqa: RUF012  never changed
    chars: float = 0.0

    @property
    def copies(self) -> float:
        """Number of copies of the document, without the characters."""
        return min(_MAX, self.document + max(self.fields.values(), default=0.0))

    @property
    def repeated(self) -> float:
        """Number of copies where each element of a list may repeat the characters."""
        return min(_MAX, self.copies + self.chars / _COPY_CHARS)

    def times(self, factor: float) -> _Size:
        """Return the size of this many results."""
        document, chars = min(_MAX, self.document * factor), min(_MAX, self.chars * factor)
        return _Size(document, {name: min(_MAX, of * factor) for name, of in self.fields.items()}, chars)


def growth(node: Node) -> int:
    """Return an upper bound for the size of the result, as a multiple of the document's size.

    1. Literals, and the names of members of an object, count their characters.
    2. A field counts one copy of itself; `@` and other nodes without children count one copy of the document.
    3. The result of a comparison, of `!`, of an operator and of SCALAR_FUNCTIONS counts as one number.
    4. Any other function multiplies the sum of its arguments by its own growth. Literals count as characters that are
       repeated, because `join` and `replace` repeat them. If an argument is an expref, the function applies it to each
       element, so the arguments are multiplied.
    5. Sequences and projections multiply, because each child works on the result of the child before it. In a
       projection each element repeats the characters, in a sequence nothing does.
    6. `||` and `&&` return one of their operands, so the larger one counts.
    7. A variable of a `let` counts as much as its value. A predefined variable counts one copy. A loop over a list may
       use one copy per element. These copies are counted when a message is evaluated (`evaluation.looped`).
    8. All other nodes, such as lists and objects of expressions, combine their children, so the children are added.
    """
    return max(1, int(_size(node, {}).repeated))


def _size(node: Node, variables: dict[int, _Size]) -> _Size:
    kind = node["type"]
    if kind in _SCALAR or not children(node):
        return _size_of_leaf(node, variables)
    if kind == "let_expression":
        return _size_of_let(node, variables)
    sizes = [_size(part, variables) for part in children(node)]
    return _COMBINED.get(kind, _sum_of)(node, sizes)


def _size_of_leaf(node: Node, variables: dict[int, _Size]) -> _Size:
    kind = node["type"]
    if kind == "literal":
        return _Size(chars=len(repr(node["value"])))
    if kind in _SCALAR:
        return _Size(chars=_SCALAR_CHARS)
    if kind == "variable" and node["binding"] is not None:
        # Without a value, the node is part of a `let`, which is measured too.
        return variables.get(node["binding"], _Size(document=1.0))
    # A predefined variable is a field of the scope, wherever it stands.
    return _Size(fields={str(node["value"]): 1.0}) if kind in {"field", "variable"} else _Size(document=1.0)


def _size_of_let(node: Node, variables: dict[int, _Size]) -> _Size:
    *values, body = children(node)
    # The body may read the variable in another context, where the fields of the value are not those of the document.
    found = [_Size(size.copies, {}, size.chars) for size in (_size(value, variables) for value in values)]
    variables.update(zip(node["bindings"], found, strict=True))
    return _largest(node, [_size(body, variables), *found])


def _sum_of(_node: Node, sizes: Sequence[_Size]) -> _Size:
    fields: dict[str, float] = {}
    for size in sizes:
        for name, copies in size.fields.items():
            fields[name] = min(_MAX, fields.get(name, 0.0) + copies)
    return _Size(min(_MAX, sum(size.document for size in sizes)), fields, min(_MAX, sum(size.chars for size in sizes)))


def _largest(_node: Node, sizes: Sequence[_Size]) -> _Size:
    names = dict.fromkeys(name for size in sizes for name in size.fields)
    fields = {name: max(size.fields.get(name, 0.0) for size in sizes) for name in names}
    return _Size(max(size.document for size in sizes), fields, max(size.chars for size in sizes))


def _of_items(node: Node, sizes: Sequence[_Size]) -> _Size:
    """Return the size of a list or an object of expressions, with its names and signs. Few characters do not count."""
    total, items = _sum_of(node, sizes), children(node)
    names = sum(len(item["value"]) for item in items if item["type"] == "key_val_pair")
    chars = total.chars + names + _ITEM_CHARS * len(items)
    return total._replace(chars=chars // _COPY_CHARS * _COPY_CHARS)


def _of_sequence(_node: Node, sizes: Sequence[_Size]) -> _Size:
    total = sizes[0]
    for size in sizes[1:]:
        total = total.times(size.copies)
        total = total._replace(chars=min(_MAX, total.chars + size.chars))
    return total


def _of_projection(_node: Node, sizes: Sequence[_Size]) -> _Size:
    # The condition of a filter, the third child, is not part of the result.
    return sizes[0].times(sizes[1].repeated)


def _of_call(node: Node, sizes: Sequence[_Size]) -> _Size:
    factor = FUNCTIONS[node["value"]].growth
    if node["value"] in SCALAR_FUNCTIONS:
        return _Size(chars=_SCALAR_CHARS)
    if any(part["type"] == "expref" for part in children(node)):
        product = float(factor)
        for size in sizes:
            product = min(_MAX, product * max(1.0, size.repeated))
        return _Size(document=product)
    total = _sum_of(node, sizes)
    repeated = total.chars / _COPY_CHARS
    if factor > 1 and not total.copies:
        # `range` of a literal: the result has nothing to do with the size of the document.
        return _Size(document=factor * max(1.0, repeated))
    return total._replace(document=min(_MAX, total.document + repeated)).times(factor)


# Functions for the sizes of a node's children, by node type. Without one, the children are added.
_COMBINED: Final[Mapping[str, Callable[[Node, Sequence[_Size]], _Size]]] = {
    "function_expression": _of_call,
    "multi_select_dict": _of_items,
    "multi_select_list": _of_items,
    **dict.fromkeys(PROJECTIONS, _of_projection),
    **dict.fromkeys(SEQUENCES, _of_sequence),
    **dict.fromkeys(("or_expression", "and_expression"), _largest),
}
