"""Static analysis of an expression: facts that the `jmespath` package's parse tree shows without an evaluation.

A node is evaluated on one value, its context. Some of its children are evaluated on the same value (`same_context`).
The other children are evaluated on the results of those, or on elements of the results.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from bridge.mapping.expressions.functions import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

Node = dict[str, Any]

SEQUENCES: Final = frozenset({"subexpression", "index_expression", "pipe"})
"""Node types in which each child is evaluated on the result of the child before it."""

PROJECTIONS: Final = frozenset({"projection", "value_projection", "filter_projection"})
"""Node types whose first child yields the elements on which the other children are evaluated."""

_LITERAL_CHARS: Final = 100
"""Characters of a literal that count as one more copy of the document, since each element may repeat the literal."""

_ITEM_CHARS: Final = 8
"""Characters that an item of a list or object of expressions counts besides its name: about those of `null`."""

_FRAME_COST: Final = 3
"""Cost of sharing repeated nodes for each evaluation, in the units of `Function.cost` (about 100 ns)."""


def children(node: Node) -> list[Node]:
    """Return the child nodes in the order of the text. A slice has none, because its children are numbers."""
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
    """Return the number of nested levels. It does not recurse: `checks.check` calls it before any limit holds."""
    deepest, level = 0, [node]
    while level:
        deepest += 1
        level = [child for one in level for child in children(one)]
    return deepest


def constant(node: Node) -> bool:
    """Return whether the node has the same result on every value."""
    kind = node["type"]
    if kind in {"literal", "expref"}:
        return True  # an expref is the same closure on every value
    if kind in {"field", "current", "identity", "index", "slice", "multi_select_dict", "multi_select_list"}:
        return False  # a multi-select depends on its value too: on null it is null, even if all its items are literals
    return all(map(constant, same_context(node)))


def names(node: Node) -> frozenset[str] | None:
    """Return the members of its context that the node may read, or None if it may read the entire context."""
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
        of_child = names(child)
        if of_child is None:
            return None
        read |= of_child
    return read


def members(node: Node) -> Iterator[tuple[str, str]]:
    """Yield (a, b) for each `a.b` whose `a` is a member of the node's context, without recursion."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield from _pair(one)
        waiting.extend(same_context(one))


def members_anywhere(node: Node) -> Iterator[tuple[str, str]]:
    """Yield the pairs of `members` for every context, including the items of lists."""
    for one in walk(node):
        yield from _pair(one)


def inner_names(node: Node) -> frozenset[str]:
    """Return the names that paths begin with inside [], after . and | and in `&` expressions, within braces or calls.

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
    """Add the names in a node that is evaluated on the value on its left: all but the path itself."""
    while node["type"] in SEQUENCES or node["type"] in PROJECTIONS:
        first, *rest = children(node)
        for child in rest:
            _add_continuation(child, found)
        node = first
    if node["type"] != "field":
        _add_inner_names(node, found, inner=True)


def _pair(node: Node) -> Iterator[tuple[str, str]]:
    """Yield (a, b) if the node is `a.b`, and nothing otherwise."""
    if node["type"] in SEQUENCES:
        # The parser represents `a.b.c` by one node with three children: only the first two form the pair.
        first, second = node["children"][:2]
        if first["type"] == second["type"] == "field":
            yield first["value"], second["value"]


def growth(node: Node) -> int:
    """Return an upper bound for the size of the result, as a multiple of the document's size.

    1. A literal counts one copy, and one more for every _LITERAL_CHARS characters.
    2. A node without children, a comparator and `!` count one copy.
    3. A function multiplies the sum of its arguments by its own growth.
       If an argument is an expref, the function applies it to each element, so the arguments are multiplied.
    4. Sequences and projections multiply, because each child works on the result of the child before it.
    5. `||` and `&&` return one of their operands, so the larger one counts.
    6. Lists and objects of expressions add their children. But different fields are different parts of one document,
       together one copy of it: of children that begin with a field, only the most frequent field counts.
    7. All other nodes combine their children, so the children are added.
    """
    kind, factors = node["type"], [growth(child) for child in children(node)]
    if kind == "literal":
        return 1 + len(repr(node["value"])) // _LITERAL_CHARS
    if not factors or kind in {"comparator", "not_expression"}:
        return 1
    if kind == "function_expression":
        mapped = any(child["type"] == "expref" for child in node["children"])
        return FUNCTIONS[node["value"]].growth * (_product(factors) if mapped else sum(factors))
    if kind in SEQUENCES or kind in PROJECTIONS:
        return _product(factors)
    if kind in {"multi_select_dict", "multi_select_list"}:
        return _growth_of_items(children(node), factors)
    return max(factors) if kind in {"or_expression", "and_expression"} else sum(factors)


def _growth_of_items(items: list[Node], factors: list[int]) -> int:
    """Return the growth of a list or an object of expressions: see rule 6 of `growth`."""
    others, by_field = 0, Counter[str]()
    for item, factor in zip(items, factors, strict=True):
        field = _first_field(item)
        if field is None:
            others += factor
        else:
            by_field[field] += factor
    # Names and places are text of the expression, which every element of a projection repeats, as a literal.
    names = (item["value"] for item in items if item["type"] == "key_val_pair")
    chars = _ITEM_CHARS * len(items) + sum(map(len, names))
    return max(1, chars // _LITERAL_CHARS + others + max(by_field.values(), default=0))


def _first_field(node: Node) -> str | None:
    """Return the field of the context with which a path begins, None for any other node."""
    while node["type"] in {"key_val_pair", *SEQUENCES, *PROJECTIONS}:
        node = children(node)[0]
    return str(node["value"]) if node["type"] == "field" else None


def _product(factors: list[int]) -> int:
    # The cap bounds the integers: without it, their length would grow with each factor.
    product = 1
    for factor in factors:
        product = min(product * factor, 2**63)
    return product


def cost(node: Node) -> int:
    """Return the approximate cost of one evaluation, in units of 100 ns."""
    own = {"function_expression": 2, "field": 1, "literal": 0, "multi_select_dict": 3}.get(node["type"], 1)
    if node["type"] == "function_expression":
        own = FUNCTIONS[node["value"]].cost
    if node["type"] in PROJECTIONS:
        own = 10
    return own + sum(map(cost, children(node)))


def identity(node: Node) -> str:
    """Return a key that is equal for nodes that are written alike.

    `==` on nodes cannot serve, because it treats `1` and `true` as equal.
    """
    return repr(node)


def repeated(node: Node) -> frozenset[str]:
    """Return the identities of the nodes that are worth evaluating once.

    Such a node is written several times, and every time it is evaluated on the same value.
    """
    times: Counter[str] = Counter()
    costs: dict[str, int] = {}
    waiting = [node]
    while waiting:
        one = waiting.pop()
        # The compiler evaluates a constant node once in any case.
        if one["type"] in {"function_expression", *PROJECTIONS} and not constant(one):
            key = identity(one)
            times[key] += 1
            if key in costs:
                continue  # the nodes below are shared together with this node
            costs[key] = cost(one)
        waiting.extend(same_context(one))
    # Sharing saves all evaluations but one. It costs one frame, and one look-up for each occurrence.
    return frozenset(key for key, count in times.items() if (count - 1) * costs[key] > _FRAME_COST + count)
