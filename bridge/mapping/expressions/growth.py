"""Upper bound for the size of an expression's result, determined when the expression is loaded."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from bridge.mapping.expressions.analysis import OPERATIONS, PROJECTIONS, SEQUENCES, children
from bridge.mapping.expressions.functions import FUNCTIONS

if TYPE_CHECKING:
    from bridge.mapping.expressions.syntax.tree import Node

_LITERAL_CHARS: Final = 100
"""Characters of a literal that count as one more copy of the document, because each element may repeat the literal."""

_ITEM_CHARS: Final = 8
"""Characters that an item of a list or object of expressions counts besides its name: about those of `null`."""


def growth(node: Node, variables: dict[int, int] | None = None) -> int:
    """Return an upper bound for the size of the result, as a multiple of the document's size.

    1. A literal counts one copy, and one more for every _LITERAL_CHARS characters.
    2. A node without children, a comparator, `!` and an operator count one copy.
    3. A function multiplies the sum of its arguments by its own growth.
       If an argument is an expref, the function applies it to each element, so the arguments are multiplied.
    4. Sequences and projections multiply, because each child works on the result of the child before it.
    5. `||` and `&&` return one of their operands, so the larger one counts.
    6. Lists and objects of expressions add their children. However, different fields are different parts of one
       document, so together they are at most one copy of it. Among the children that begin with a field, only those
       with the most frequent field count.
    7. A variable of a `let` counts as much as its value (`variables`, by binding). A predefined variable counts one
       copy. A loop over a list may use one copy per element. These copies are counted when a message is evaluated
       (`evaluation.looped`).
    8. All other nodes combine their children, so the children are added.
    """
    variables = {} if variables is None else variables
    kind = node["type"]
    if kind == "let_expression":
        return _growth_of_let(node, variables)
    factors = [growth(child, variables) for child in children(node)]
    if not factors or kind in _OF_ONE_COPY:
        return _growth_of_leaf(node, variables)
    if kind == "function_expression":
        mapped = any(child["type"] == "expref" for child in node["children"])
        return FUNCTIONS[node["value"]].growth * (_product(factors) if mapped else sum(factors))
    if kind in {"multi_select_dict", "multi_select_list"}:
        return _growth_of_items(children(node), factors)
    combine = _product if kind in {*SEQUENCES, *PROJECTIONS} else max if kind in _OF_ONE_OPERAND else sum
    return combine(factors)


_OF_ONE_COPY: Final = frozenset({"comparator", "not_expression", *OPERATIONS})
_OF_ONE_OPERAND: Final = frozenset({"or_expression", "and_expression"})


def _growth_of_let(node: Node, variables: dict[int, int]) -> int:
    *values, body = children(node)
    factors = [growth(value, variables) for value in values]
    variables.update(zip(node["bindings"], factors, strict=True))
    return max(*factors, growth(body, variables))


def _growth_of_leaf(node: Node, variables: dict[int, int]) -> int:
    if node["type"] == "literal":
        return 1 + len(repr(node["value"])) // _LITERAL_CHARS
    return variables.get(node["binding"], 1) if node["type"] == "variable" else 1


def _growth_of_items(items: list[Node], factors: list[int]) -> int:
    """Return the growth of a list or an object of expressions: see rule 6 of `growth`."""
    others, by_field = 0, Counter[str]()
    for item, factor in zip(items, factors, strict=True):
        field = _first_field(item)
        if field is None:
            others += factor
        else:
            by_field[field] += factor
    # Like a literal, names are text from the expression that every element of a projection repeats.
    names = (item["value"] for item in items if item["type"] == "key_val_pair")
    chars = _ITEM_CHARS * len(items) + sum(map(len, names))
    return max(1, chars // _LITERAL_CHARS + others + max(by_field.values(), default=0))


def _first_field(node: Node) -> str | None:
    """Return the field of the context with which a path begins, None for any other node."""
    while node["type"] in {"key_val_pair", *SEQUENCES, *PROJECTIONS}:
        node = children(node)[0]
    return str(node["value"]) if node["type"] == "field" or _is_scope_member(node) else None


def _is_scope_member(node: Node) -> bool:
    return node["type"] == "variable" and node["binding"] is None


def _product(factors: list[int]) -> int:
    # The cap keeps the integers small. Without it, they would grow with each factor.
    product = 1
    for factor in factors:
        product = min(product * factor, 2**63)
    return product
