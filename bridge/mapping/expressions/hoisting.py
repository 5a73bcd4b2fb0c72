"""Hoisting: a value that is the same for every element of a loop is evaluated once, before the loop.

A *loop* is a projection, or a function call with an `&` expression. In `payload[].{site: $captures.site}`, the value of
`$captures.site` is the same for every element. `hoist` replaces this path by a new variable, and adds the path to a
list in the node of the loop (`OUTER`). For each message, the path is evaluated and the variable is set before the loop
reads the first element. The compiler also uses the list to limit the total size of values that a loop repeats
(`evaluation.looped`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bridge.mapping.expressions import analysis
from bridge.mapping.expressions.syntax.tree import node as new_node

if TYPE_CHECKING:
    from bridge.mapping.expressions.syntax.tree import Node

OUTER = "outer"
"""Key in the node of a loop. The value for this key is a list of `OuterValue`."""


class OuterValue(NamedTuple):
    """A value that is the same for every element of a loop.

    `node` is `$name` or a path such as `$name.a[0]`. `binding` is the number of the new variable (see
    `syntax/tree.py`). If `node` is already a variable of a `let`, no new variable is needed, and `binding` is None.
    """

    binding: int | None
    node: Node


def hoist(tree: Node, bindings: int) -> int:
    """Hoist values in all loops of a tree. The tree changes in place.

    `bindings` is the number of variables in the tree. Return the number of variables including the new variables.
    """
    # `walk` yields an outer loop before its inner loops. So the values that were hoisted out of an outer loop are
    # already variables in the inner loops.
    for node in analysis.walk(tree):
        parts = _repeated(node)
        if parts:
            hoisting = _Hoisting(node, bindings)
            for parent, place in parts:
                parent["children"][place] = hoisting.rewritten(parent["children"][place])
            bindings = hoisting.bindings
            if hoisting.found:
                node[OUTER] = list(hoisting.found.values())
    return bindings


def _repeated(node: Node) -> list[tuple[Node, int]]:
    """Return the nodes that a loop evaluates for each element, as pairs of parent and index in its children.

    Return [] if the node is not a loop.
    """
    if node["type"] in analysis.PROJECTIONS:
        # The first child of a projection is the list itself, which is evaluated once.
        return [(node, place) for place in range(1, len(node["children"]))]
    return [(child, 0) for child in node["children"] if isinstance(child, dict) and child["type"] == "expref"]


class _Hoisting:
    """Hoisting in one loop.

    `found` contains the values that are the same for every element. The keys are the identities of their nodes. A
    *free* variable is not bound within the loop, so its value is the same for every element.
    """

    def __init__(self, loop: Node, bindings: int) -> None:
        parts = [parent["children"][place] for parent, place in _repeated(loop)]
        self._free = {id(one) for part in parts for one in analysis.free_variables(part)}
        # `$index` of this loop is not bound within the `&` expression, so it counts as free. But its value is different
        # for every element.
        self._index = loop.get("index")
        self.bindings = bindings
        self.found: dict[str, OuterValue] = {}

    def rewritten(self, node: Node) -> Node:
        """Replace the paths of free variables in a node by new variables. The children of the node change in place."""
        if node["type"] == "variable":
            return self._variable(node)
        children = node["children"]
        if node["type"] in analysis.SEQUENCES:
            length = self._path_length(children)
            if length:
                head = children[0] if length == 1 else new_node(node["type"], *children[:length])
                variable = self._variable(head)
                if length == len(children):
                    return variable
                children[:length] = [variable]
        if node["type"] != "slice":
            children[:] = [child if self._is_new(child) else self.rewritten(child) for child in children]
        return node

    def _path_length(self, children: list[Node]) -> int:
        """Return the number of children at the beginning of a sequence that form the path of a free variable."""
        first, *steps = analysis.steps(children[0])
        if id(first) not in self._free or not _select(steps):
            return 0
        length = 1
        while length < len(children) and _select(analysis.steps(children[length])):
            length += 1
        return length

    def _variable(self, path: Node) -> Node:
        """Return the new variable that replaces the path of a free variable.

        If the variable of the path is not free, return the path unchanged.
        """
        first, *steps = analysis.steps(path)
        if id(first) not in self._free or (first["binding"] is not None and first["binding"] == self._index):
            return path
        if first["binding"] is not None and not steps:
            self.found.setdefault(analysis.identity(path), OuterValue(None, path))
            return path
        known = self.found.get(analysis.identity(path))
        if known is None:
            known = self.found[analysis.identity(path)] = OuterValue(self.bindings, path)
            self.bindings += 1
        return new_node("variable", value=first["value"], binding=known.binding)

    def _is_new(self, node: Node) -> bool:
        """Return whether the node is a variable that this object has created, or a variable that is not free."""
        return node["type"] == "variable" and id(node) not in self._free


def _select(steps: list[Node]) -> bool:
    """Return whether the steps only select fields and list elements.

    Such a path cannot fail. So it can be evaluated before the loop, even if the list is empty.
    """
    return all(step["type"] in {"field", "index"} for step in steps)
