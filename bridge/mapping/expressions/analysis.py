"""Static analysis of an expression: facts that follow from its tree without evaluating it.

A node is evaluated on one value, its context. Some of its children are evaluated on the same value (`same_context`).
The others are evaluated on the results of these children, or on elements of the results.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from bridge.mapping.expressions.functions import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.mapping.expressions.syntax.tree import Node

SEQUENCES: Final = frozenset({"subexpression", "index_expression", "pipe"})
"""Node types in which each child is evaluated on the result of the child before it."""

PROJECTIONS: Final = frozenset({"projection", "value_projection", "filter_projection"})
"""Node types whose first child yields the elements on which the other children are evaluated."""

OPERATIONS: Final = frozenset({"arithmetic", "unary"})
"""Node types of operators."""

# Node types whose result depends on their value.
# A multi-select is one of them: even if its items are literals, it is null on null.
_VARYING: Final = frozenset(
    ["field", "current", "identity", "index", "slice", "variable", "multi_select_dict", "multi_select_list"]
)

# Cost of sharing repeated nodes for each evaluation, in the units of `Function.cost` (about 100 ns).
_FRAME_COST: Final = 3


def children(node: Node) -> list[Node]:
    """Return the child nodes in the order of the text. A slice has no child nodes, only numbers."""
    nodes: list[Node] = node["children"]
    if node["type"] == "slice":
        return []
    if node["type"] == "filter_projection":
        left, right, condition = nodes  # the parser's order; in the text, the condition precedes `right`
        return [left, condition, right]
    return nodes


def same_context(node: Node) -> list[Node]:
    """Return the children that are evaluated on the same value as the node."""
    if node["type"] in SEQUENCES or node["type"] in PROJECTIONS:
        return children(node)[:1]
    # The function that receives an expref evaluates it later, on other values.
    return [] if node["type"] == "expref" else children(node)


def walk(node: Node) -> Iterator[Node]:
    """Yield the node and all nodes below it, in the order of the text.

    It does not recurse, so that the nesting of the text cannot exhaust Python's stack.
    """
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(reversed(children(one)))


def depth(node: Node) -> int:
    """Return the number of nested levels, without recursion, because no limit has been checked yet."""
    deepest, level = 0, [node]
    while level:
        deepest += 1
        level = [child for one in level for child in children(one)]
    return deepest


def constant(node: Node) -> bool:
    """Return whether the node has the same result on every value."""
    kind = node["type"]
    if kind == "literal":
        return True
    if kind in _VARYING or _charges(node):
        return False
    if not all(map(constant, same_context(node))):
        return False
    # Children that are evaluated on other values (elements, or the result of the previous step) may read variables.
    others = kind in {"expref", *SEQUENCES, *PROJECTIONS}
    return not (others and (free_variables(node) or any(map(_charges, walk(node)))))


def _charges(node: Node) -> bool:
    """Return whether the node is a call of a function that counts its work (`Function.charges`)."""
    return node["type"] == "function_expression" and node["value"] in FUNCTIONS and FUNCTIONS[node["value"]].charges


def names(node: Node) -> frozenset[str] | None:
    """Return the members of the scope that the tree may read, or None if it may read the entire scope."""
    read = context_names(node)
    return None if read is None else read | predefined_variables(node)


def predefined_variables(node: Node) -> frozenset[str]:
    """Return the names of the variables in the node that no `let` and no `map` binds."""
    return frozenset(one["value"] for one in walk(node) if one["type"] == "variable" and one["binding"] is None)


def free_variables(node: Node) -> list[Node]:
    """Return the variables in the node that are not bound within the node."""
    nodes = list(walk(node))
    bound = {binding for one in nodes for binding in (*one.get("bindings", ()), one.get("index"))} - {None}
    return [one for one in nodes if one["type"] == "variable" and one["binding"] not in bound]


def flattened_pairs(node: Node) -> Iterator[Node]:
    """Yield the calls of `items` and `zip` that are followed by `[]` and a selection, as in `items(@)[].name`.

    There `[]` dissolves the pairs, so the selection is applied to keys and values, and not to pairs.
    """
    for one in walk(node):
        if one["type"] == "projection" and one["children"][0]["type"] == "flatten":
            (base,) = one["children"][0]["children"]
            call = steps(base)[-1]
            if call["type"] == "function_expression" and call["value"] in {"items", "zip"}:
                yield from [call] if one["children"][1]["type"] != "identity" else []


def steps(node: Node) -> list[Node]:
    """Return the steps of a sequence in order, with nested sequences flattened. For any other node, return the node."""
    if node["type"] not in SEQUENCES:
        return [node]
    return [step for child in node["children"] for step in steps(child)]


def context_names(node: Node) -> frozenset[str] | None:
    """Return the members of the context that this node may read, or None if it may read the entire context."""
    if node["type"] == "field":
        return frozenset({node["value"]})
    if node["type"] in {"current", "identity", "index", "slice"}:
        return None
    nodes = same_context(node)
    # `@.a` reads only `a`, although `@` alone reads the entire context.
    if node["type"] in SEQUENCES and nodes[0]["type"] in {"current", "identity"}:
        nodes = node["children"][1:2]
    read: frozenset[str] = frozenset()
    for child in nodes:
        of_child = context_names(child)
        if of_child is None:
            return None
        read |= of_child
    return read


def members(node: Node) -> Iterator[tuple[str, str]]:
    """Yield (a, b) for each `a.b` whose `a` is a member of the node's context, without recursion."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield from _pair(one, "field")
        waiting.extend(same_context(one))


def variable_members(node: Node) -> Iterator[tuple[str, str]]:
    """Yield (a, b) for each `$a.b` of a predefined variable."""
    for one in walk(node):
        yield from _pair(one, "variable")


def members_anywhere(node: Node) -> Iterator[tuple[str, str]]:
    """Yield the pairs of `members` for every context, including the items of lists."""
    for one in walk(node):
        yield from _pair(one, "field")


def inner_names(node: Node) -> frozenset[str]:
    """Return the first names of paths inside [], after . and | and in `&` expressions, within braces or calls.

    There, an expression sees the value on the left and not the scope. The continuation of a path is not included:
    `payload.topic` and `payload[].topic` read a member of the payload on purpose, and so does `@.topic`.
    """
    found: set[str] = set()
    _add_inner_names(node, found, inner=False)
    return frozenset(found)


def _add_inner_names(node: Node, found: set[str], *, inner: bool) -> None:
    nodes = children(node)
    if node["type"] == "field" and inner:
        found.add(node["value"])
    if node["type"] == "expref":
        _add_continuation(nodes[0], found)
    elif node["type"] in SEQUENCES or node["type"] in PROJECTIONS:
        _add_inner_names(nodes[0], found, inner=inner)
        for child in nodes[1:]:
            _add_continuation(child, found)
    else:
        for child in nodes:
            _add_inner_names(child, found, inner=inner)


def _add_continuation(node: Node, found: set[str]) -> None:
    """Add the names inside a node that continues a path, such as `[?v > x]`, but not the names of the path itself."""
    while node["type"] in SEQUENCES or node["type"] in PROJECTIONS:
        first, *rest = children(node)
        for child in rest:
            _add_continuation(child, found)
        node = first
    if node["type"] != "field":
        _add_inner_names(node, found, inner=True)


def _pair(node: Node, kind: str) -> Iterator[tuple[str, str]]:
    """Yield (a, b) if the node is `a.b` and `a` is of this kind: a field, or a predefined variable."""
    if node["type"] in SEQUENCES:
        # The parser represents `a.b.c` by one node with three children: only the first two form the pair.
        first, second = node["children"][:2]
        if first["type"] == kind and first.get("binding") is None and second["type"] == "field":
            yield first["value"], second["value"]


def cost(node: Node) -> int:
    """Return the approximate cost of one evaluation, in units of 100 ns."""
    own = {"function_expression": 2, "field": 1, "literal": 0, "multi_select_dict": 3}.get(node["type"], 1)
    if node["type"] == "function_expression":
        own = FUNCTIONS[node["value"]].cost
    if node["type"] in PROJECTIONS:
        own = 10
    return own + sum(map(cost, children(node)))


def identity(node: Node) -> str:
    """Return a key that is equal for nodes with the same text.

    Nodes cannot be compared by `==`, because it treats `1` and `true` as equal.
    """
    return repr(node)


def repeated(node: Node) -> frozenset[str]:
    """Return the identities of the repeated nodes that are worth evaluating only once.

    A repeated node occurs several times in the text, and each occurrence is evaluated on the same value.
    """
    times: Counter[str] = Counter()
    costs: dict[str, int] = {}
    waiting = [node]
    while waiting:
        one = waiting.pop()
        # The compiler already evaluates a constant node only once.
        if one["type"] in {"function_expression", *PROJECTIONS} and not constant(one):
            key = identity(one)
            times[key] += 1
            if key in costs:
                continue  # the nodes below are shared together with this node
            costs[key] = cost(one)
        waiting.extend(same_context(one))
    # Sharing saves all evaluations but one. It costs one frame, and one look-up for each occurrence.
    return frozenset(key for key, count in times.items() if (count - 1) * costs[key] > _FRAME_COST + count)
