"""What can be told of an expression without evaluating it, from the `jmespath` package's parse tree.

A node is evaluated on one value, its context. Some of its children are evaluated on the same value (`same_context`),
the others on what those gave, or on elements of it (`new_context`).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from bridge.mapping.expressions.functions import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

Node = dict[str, Any]

SEQUENCES: Final = frozenset({"subexpression", "index_expression", "pipe"})
"""Each child is evaluated on the result of the one before it."""

PROJECTIONS: Final = frozenset({"projection", "value_projection", "filter_projection"})
"""The first child gives the elements that the others are evaluated on."""

_LITERAL_CHARS: Final = 100
"""A literal this long counts as one more copy of the document: it is written again for every element."""

_FRAME_COST: Final = 3
"""What sharing repeated nodes costs an evaluation, in the units of `Function.cost`."""


def children(node: Node) -> list[Node]:
    """Give the child nodes in the order of the text. None for a slice: its children are numbers."""
    nodes: list[Node] = node["children"]
    if node["type"] == "slice":
        return []
    if node["type"] == "filter_projection":
        left, right, condition = nodes
        return [left, condition, right]
    return nodes


def same_context(node: Node) -> list[Node]:
    """The children that are evaluated on the same value as the node."""
    if node["type"] in SEQUENCES or node["type"] in PROJECTIONS:
        return children(node)[:1]
    return [] if node["type"] == "expref" else children(node)


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, in the order of the text, without recursion."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(reversed(children(one)))


def depth(node: Node) -> int:
    """Levels of nesting, without recursion."""
    deepest, level = 0, [node]
    while level:
        deepest += 1
        level = [child for one in level for child in children(one)]
    return deepest


def constant(node: Node) -> bool:
    """Gives the same on every value."""
    kind = node["type"]
    if kind in {"literal", "expref"}:
        return True
    if kind in {"field", "current", "identity", "index", "slice", "multi_select_dict", "multi_select_list"}:
        return False  # a multi-select of null is null, whatever it holds
    return all(map(constant, same_context(node)))


def names(node: Node) -> frozenset[str] | None:
    """The members of its context that the node may read; None: it may read the whole of it."""
    if node["type"] == "field":
        return frozenset({node["value"]})
    if node["type"] in {"current", "identity", "index", "slice"}:
        return None
    nodes = same_context(node)
    if node["type"] in SEQUENCES and nodes[0]["type"] in {"current", "identity"}:
        nodes = node["children"][1:2]
    read: frozenset[str] = frozenset()
    for child in nodes:
        of_child = names(child)
        if of_child is None:
            return None
        read |= of_child
    return read


def members(node: Node) -> Iterator[tuple[str, str]]:
    """Names that are read of a member of the node's context: (a, b) of `a.b`, without recursion."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield from _pair(one)
        waiting.extend(same_context(one))


def members_anywhere(node: Node) -> Iterator[tuple[str, str]]:
    """The same, but of any context: of the items of a list too."""
    for one in walk(node):
        yield from _pair(one)


def _pair(node: Node) -> Iterator[tuple[str, str]]:
    if node["type"] in SEQUENCES:
        first, second = node["children"][:2]
        if first["type"] == second["type"] == "field":
            yield first["value"], second["value"]


def growth(node: Node) -> int:
    """How many times larger than the document the result can be, at most."""
    kind, factors = node["type"], [growth(child) for child in children(node)]
    if kind == "literal":
        return 1 + len(repr(node["value"])) // _LITERAL_CHARS
    if not factors or kind in {"comparator", "not_expression"}:
        return 1
    if kind == "function_expression":
        factor = FUNCTIONS[node["value"]].growth
        if any(child["type"] == "expref" for child in node["children"]):
            return factor * _product(factors)
        return factor * sum(factors)
    if kind in SEQUENCES or kind in PROJECTIONS:
        return _product(factors)
    return max(factors) if kind in {"or_expression", "and_expression"} else sum(factors)


def _product(factors: list[int]) -> int:
    product = 1
    for factor in factors:
        product = min(product * factor, 2**63)
    return product


def cost(node: Node) -> int:
    """About what one evaluation takes, in units of 100 ns."""
    own = {"function_expression": 2, "field": 1, "literal": 0, "multi_select_dict": 3}.get(node["type"], 1)
    if node["type"] == "function_expression":
        own = FUNCTIONS[node["value"]].cost
    if node["type"] in PROJECTIONS:
        own = 10
    return own + sum(map(cost, children(node)))


def identity(node: Node) -> str:
    """Equal for nodes that are written alike. Not by ==, for which `1` and `true` are equal."""
    return repr(node)


def repeated(node: Node) -> frozenset[str]:
    """The identities of the nodes that are worth evaluating once: written several times and evaluated on one value."""
    times: Counter[str] = Counter()
    costs: dict[str, int] = {}
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if one["type"] in {"function_expression", *PROJECTIONS} and not constant(one):
            key = identity(one)
            times[key] += 1
            if key in costs:
                continue  # what is below it is shared with it
            costs[key] = cost(one)
        waiting.extend(same_context(one))
    return frozenset(key for key, count in times.items() if (count - 1) * costs[key] > _FRAME_COST + count)
