"""Static analysis of an expression: facts about its tree, such as the names that it reads.

Each node is evaluated on a value, its *context*. The context of the root node is the scope. Some children of a node
have the same context as the node (`same_context`). The context of the other children is the result of an earlier child,
or an element of this result. In `payload.items[*].{v: value}`, the context of `value` is an item.
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
"""Node types whose first child returns a list or an object. The other children are evaluated on each element."""

OPERATIONS: Final = frozenset({"arithmetic", "unary"})
"""Node types of operators."""

# Node types whose result depends on the context. `[a, b]` and `{a: x}` are included, because their result is null if
# the context is null.
_VARYING: Final = frozenset(
    ["field", "current", "identity", "index", "slice", "variable", "multi_select_dict", "multi_select_list"]
)

# Time per evaluation for storing the results of repeated nodes, in units of `Function.cost` (about 100 ns).
_FRAME_COST: Final = 3


def children(node: Node) -> list[Node]:
    """Return the child nodes in the order of the text. A slice has no child nodes, because its children are numbers."""
    nodes: list[Node] = node["children"]
    if node["type"] == "slice":
        return []
    if node["type"] == "filter_projection":
        # The parser stores the condition last. In the text `left[?condition].right`, the condition is in the middle.
        left, right, condition = nodes
        return [left, condition, right]
    return nodes


def same_context(node: Node) -> list[Node]:
    """Return the child nodes that have the same context as the node."""
    if node["type"] in SEQUENCES or node["type"] in PROJECTIONS:
        return children(node)[:1]
    # An expref (`&name`) is evaluated on the elements of a list, and not on the context of its node.
    return [] if node["type"] == "expref" else children(node)


def walk(node: Node) -> Iterator[Node]:
    """Yield the node and all nodes below it, in the order of the text.

    The function does not recurse, because the tree may be too deep for Python's stack.
    """
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(reversed(children(one)))


def depth(node: Node) -> int:
    """Return the number of nested levels.

    The function does not recurse, because it must also measure trees that are too deep for Python's stack.
    """
    deepest, level = 0, [node]
    while level:
        deepest += 1
        level = [child for one in level for child in children(one)]
    return deepest


def constant(node: Node) -> bool:
    """Return whether the node has the same result for every context."""
    kind = node["type"]
    if kind == "literal":
        return True
    if kind in _VARYING or _charges(node):
        return False
    if not all(map(constant, same_context(node))):
        return False
    # Children with another context do not read the context of the node, but they may read variables of the scope.
    others = kind in {"expref", *SEQUENCES, *PROJECTIONS}
    return not (others and (free_variables(node) or any(map(_charges, walk(node)))))


def _charges(node: Node) -> bool:
    """Return whether the node is a call of a function that counts its work (`Function.charges`)."""
    return node["type"] == "function_expression" and node["value"] in FUNCTIONS and FUNCTIONS[node["value"]].charges


def names(node: Node) -> frozenset[str] | None:
    """Return the names in the scope that a complete expression may read, or None if it may read the entire scope."""
    read = context_names(node)
    return None if read is None else read | predefined_variables(node)


def predefined_variables(node: Node) -> frozenset[str]:
    """Return the names of the variables in the node that no `let` and no `map` binds, such as `$payload`."""
    return frozenset(one["value"] for one in walk(node) if one["type"] == "variable" and one["binding"] is None)


def free_variables(node: Node) -> list[Node]:
    """Return the variables in the node that are predefined, or that are bound outside the node."""
    nodes = list(walk(node))
    bound = {binding for one in nodes for binding in (*one.get("bindings", ()), one.get("index"))} - {None}
    return [one for one in nodes if one["type"] == "variable" and one["binding"] not in bound]


def flattened_pairs(node: Node) -> Iterator[Node]:
    """Yield the calls of `items` and `zip` that are followed by `[]` and another step, as in `items(@)[].name`.

    These functions return pairs, and `[]` replaces each pair by its two elements. So the step after `[]` is evaluated
    on names and values. The author probably means the pairs.
    """
    for one in walk(node):
        if one["type"] == "projection" and one["children"][0]["type"] == "flatten":
            (base,) = one["children"][0]["children"]
            call = steps(base)[-1]
            if call["type"] == "function_expression" and call["value"] in {"items", "zip"}:
                yield from [call] if one["children"][1]["type"] != "identity" else []


def steps(node: Node) -> list[Node]:
    """Return the steps of a sequence in order, including the steps of nested sequences.

    For a node that is not a sequence, the only step is the node itself.
    """
    if node["type"] not in SEQUENCES:
        return [node]
    return [step for child in node["children"] for step in steps(child)]


def context_names(node: Node) -> frozenset[str] | None:
    """Return the names of the context that this node may read, or None if it may read the entire context."""
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
    """Yield (a, b) for each path `a.b` in the context of the node. The function does not recurse (see `walk`)."""
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
    """Yield (a, b) for each path `a.b` in any context, for example in the context of list items."""
    for one in walk(node):
        yield from _pair(one, "field")


def inner_names(node: Node) -> frozenset[str]:
    """Return the first names of all paths whose context is not the scope.

    Such a path is inside [], after . or |, or in an `&` expression. An example is `topic` in `payload[].{t: topic}`,
    which is a field of the list item. The author may have meant the `topic` of the scope.

    Names that continue a path are not included. In `payload.topic`, `payload[].topic` and `@.topic`, the author
    obviously means a field of the value before the dot.
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
    """Add the names inside a node that continues a path to `found`: for `[?v > x]`, add `v` and `x`.

    The names of the path itself are not added.
    """
    while node["type"] in SEQUENCES or node["type"] in PROJECTIONS:
        first, *rest = children(node)
        for child in rest:
            _add_continuation(child, found)
        node = first
    if node["type"] != "field":
        _add_inner_names(node, found, inner=True)


def _pair(node: Node, kind: str) -> Iterator[tuple[str, str]]:
    """Yield (a, b) if the node is `a.b`.

    `kind` is the node type of `a`: "field", or "variable" for a predefined variable.
    """
    if node["type"] in SEQUENCES:
        # `a.b.c` is one node with three children. Its pair is (a, b).
        first, second = node["children"][:2]
        if first["type"] == kind and first.get("binding") is None and second["type"] == "field":
            yield first["value"], second["value"]


def cost(node: Node) -> int:
    """Return the approximate time of one evaluation, in units of 100 ns."""
    own = {"function_expression": 2, "field": 1, "literal": 0, "multi_select_dict": 3}.get(node["type"], 1)
    if node["type"] == "function_expression":
        own = FUNCTIONS[node["value"]].cost
    if node["type"] in PROJECTIONS:
        own = 10
    return own + sum(map(cost, children(node)))


def identity(node: Node) -> str:
    """Return a key that is equal for equal nodes.

    Nodes cannot be compared by `==`, because Python's `1 == True` would make different literals equal.
    """
    return repr(node)


def repeated(node: Node) -> frozenset[str]:
    """Return the identities of the nodes that occur several times in this context and should be evaluated only once."""
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
                continue  # this result includes the results of the nodes below
            costs[key] = cost(one)
        waiting.extend(same_context(one))
    # Storing the result saves all evaluations of the node except the first. Storing takes _FRAME_COST, plus about one
    # unit for the look-up at each occurrence.
    return frozenset(key for key, count in times.items() if (count - 1) * costs[key] > _FRAME_COST + count)
