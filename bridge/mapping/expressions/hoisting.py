"""Hoisting: variables that a loop reads for each element are evaluated once, before the first element.

`payload[].{site: $captures.site}` reads the same `$captures.site` for every element. `hoist` replaces it by a new
variable, and lists the variable in the node of the loop. The loop sets the variable before its first element. The
compiler also uses the list to limit the size of repeated values (`evaluation.looped`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bridge.mapping.expressions import analysis
from bridge.mapping.expressions.syntax.tree import node as new_node

if TYPE_CHECKING:
    from bridge.mapping.expressions.syntax.tree import Node

OUTER = "outer"
"""Key in the node of a loop for its list of OuterValue."""


class OuterValue(NamedTuple):
    """A value that a loop reads again for each element.

    `node` is `$name` or a path such as `$name.a[0]`. `binding` is the new variable; None if no new variable is needed.
    """

    binding: int | None
    node: Node


def hoist(tree: Node, bindings: int) -> int:
    """Rewrite a tree in place. `bindings` is the number of its variables. Return the number including new variables."""
    # Outer loops come first, so that inner loops see the hoisted values as variables.
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
    """Return the child nodes that a loop evaluates for each element, each as (parent, position in its children).

    Return [] if the node is not a loop.
    """
    if node["type"] in analysis.PROJECTIONS:
        # The first child of a projection is the list itself, which is evaluated once.
        return [(node, place) for place in range(1, len(node["children"]))]
    return [(child, 0) for child in node["children"] if isinstance(child, dict) and child["type"] == "expref"]


class _Hoisting:
    """Search in one loop for paths of variables that are bound outside the loop. `found` has the paths, by identity."""

    def __init__(self, loop: Node, bindings: int) -> None:
        parts = [parent["children"][place] for parent, place in _repeated(loop)]
        self._free = {id(one) for part in parts for one in analysis.free_variables(part)}
        self._index = loop.get("index")
        self.bindings = bindings
        self.found: dict[str, OuterValue] = {}

    def rewritten(self, node: Node) -> Node:
        """Return the node with new variables instead of the paths. The children of the node change in place."""
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
        """Return the number of leading children of a sequence that form the path of a free variable."""
        first, *steps = analysis.steps(children[0])
        if id(first) not in self._free or not _select(steps):
            return 0
        length = 1
        while length < len(children) and _select(analysis.steps(children[length])):
            length += 1
        return length

    def _variable(self, path: Node) -> Node:
        """Return the new variable for a path of a free variable.

        If the loop binds the variable, return the path unchanged.
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
        return node["type"] == "variable" and id(node) not in self._free


def _select(steps: list[Node]) -> bool:
    """Return whether the steps only select members. A path of such steps cannot fail."""
    return all(step["type"] in {"field", "index"} for step in steps)
