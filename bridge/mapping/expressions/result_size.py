"""Upper bound for the size of an expression's result, computed from the tree when a mapping is loaded.

The *document* is the value that the expression is evaluated on. An expression can copy it: `[@, @]` contains the
document twice. The bound counts these copies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.mapping.expressions.analysis import OPERATIONS, PROJECTIONS, SEQUENCES, children
from bridge.mapping.expressions.functions import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bridge.mapping.expressions.syntax.tree import Node

# A result can also contain literals of the expression. If each element of a list may repeat the literals, 100 of their
# characters count as one copy of the document.
_COPY_CHARS: Final = 100

# Number of characters that are counted for each item of `[a, b]` or `{a: x}`, in addition to its name. The text
# `"":null,` has this length.
_ITEM_CHARS: Final = 8

# Number of characters that a number, a boolean or a time counts.
_SCALAR_CHARS: Final = 32

# Upper limit for a number of copies. Without this limit, the products for long expressions would become infinite.
_MAX: Final = 2.0**63

SCALAR_FUNCTIONS: Final = frozenset((
    "abs", "add", "avg", "bits", "bytes_to_float", "bytes_to_int", "ceil", "clamp", "contains", "divide", "ends_with",
    "epoch_ms", "find_first", "find_last", "floor", "iso_time", "length", "modulo", "multiply", "parse_time", "power",
    "regex_match", "round", "scale", "starts_with", "subtract", "sum", "to_number", "type",
))  # fmt: skip
"""Functions whose result is a number, a boolean or a short text, even if their arguments are large."""

# Types of nodes whose result is a number or a boolean.
_SCALAR: Final = frozenset({"comparator", "not_expression", *OPERATIONS})


class _Size(NamedTuple):
    """Upper bound for the size of a result.

    - `document`: number of copies of the complete document
    - `fields`: number of copies of each field of the document, by name
    - `chars`: number of characters that come from the expression, for example from literals

    Fields are counted separately, because different fields are different parts of the document. One copy of each field
    is at most one copy of the document.
    """

    document: float = 0.0
    fields: dict[str, float] = {}  # noqa: RUF012  never changed
    chars: float = 0.0

    @property
    def copies(self) -> float:
        """Number of copies of the document, not counting `chars`."""
        return min(_MAX, self.document + max(self.fields.values(), default=0.0))

    @property
    def repeated(self) -> float:
        """Number of copies of the document, counting `chars` as copies."""
        return min(_MAX, self.copies + self.chars / _COPY_CHARS)

    def times(self, factor: float) -> _Size:
        """Return the size of `factor` results of this size."""
        document, chars = min(_MAX, self.document * factor), min(_MAX, self.chars * factor)
        return _Size(document, {name: min(_MAX, of * factor) for name, of in self.fields.items()}, chars)


def max_result_size(node: Node) -> int:
    """Return an upper bound for the size of the result, as a multiple of the size of the document.

    The size of a node is computed from the sizes of its children:

    1. A literal counts as its number of characters. The names in `{name: x}` also count as characters.
    2. A field counts as one copy of this field. `@` and other nodes without children count as one copy of the document.
    3. A comparison, `!`, an operator, and a call of one of SCALAR_FUNCTIONS count as one number.
    4. For any other function call, the sizes of the arguments are added, and multiplied by the function's
       `size_factor`. Characters of literals count as copies, because `join` and `replace` can repeat them. If an
       argument is an expref, the function evaluates it on each element, so the sizes of the arguments are multiplied.
    5. For sequences (`a.b`, `a | b`) and projections, the sizes are multiplied, because each child is evaluated on the
       result of the previous child. In a projection, characters count as copies, because each element repeats the
       characters.
    6. `||` and `&&` return one of their operands, so the larger size counts.
    7. A variable of a `let` has the size of its value. A predefined variable counts as one copy. In a loop, a variable
       can cause one copy per element. These copies are counted during the evaluation (`evaluation.looped`).
    8. For all other nodes, such as `[a, b]` and `{a: x}`, the sizes of the children are added.
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
        # If only a part of a `let` is measured, the value of the variable is unknown. The compiler also measures the
        # complete `let`, in which the value is known.
        return variables.get(node["binding"], _Size(document=1.0))
    # A predefined variable such as `$payload` is a field of the scope.
    return _Size(fields={str(node["value"]): 1.0}) if kind in {"field", "variable"} else _Size(document=1.0)


def _size_of_let(node: Node, variables: dict[int, _Size]) -> _Size:
    *values, body = children(node)
    # The body may read the variable in another context. There, a field with the same name is another field. So count
    # the fields of the value as copies of the document.
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
    """Return the size of `[a, b]` or `{a: x}`.

    Characters are rounded down to multiples of _COPY_CHARS, so that the names of a usual transform do not count.
    """
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
    factor = FUNCTIONS[node["value"]].size_factor
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
        # All arguments are literals, as in `range(100)`. So the result does not depend on the document.
        return _Size(document=factor * max(1.0, repeated))
    return total._replace(document=min(_MAX, total.document + repeated)).times(factor)


# Functions that combine the sizes of a node's children. The keys are node types. For other types, the sizes are added.
_COMBINED: Final[Mapping[str, Callable[[Node, Sequence[_Size]], _Size]]] = {
    "function_expression": _of_call,
    "multi_select_dict": _of_items,
    "multi_select_list": _of_items,
    **dict.fromkeys(PROJECTIONS, _of_projection),
    **dict.fromkeys(SEQUENCES, _of_sequence),
    **dict.fromkeys(("or_expression", "and_expression"), _largest),
}
