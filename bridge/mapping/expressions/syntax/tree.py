"""Nodes of the tree of an expression. A node is a dictionary with `type`, `children` and, for some types, `value`.

The types are those of the `jmespath` package, plus these:

    let_expression   `children`: the values of the variables, then the body; `bindings`: one number per variable
    variable         `value`: the name; `binding`: the number of the variable, or None if it is predefined
    arithmetic       `value`: add, subtract, multiply, divide, modulo or floor_divide; two children
    unary            `value`: minus or plus; one child

Numbers identify variables, because two variables can have the same name. A conditional `a ? b : c` becomes a call of
`if`. `map` binds the variable `$index` in its first argument. The number of this variable is stored in the node of the
call, under the key `index`.
"""

from __future__ import annotations

from typing import Any, Final

Node = dict[str, Any]

INDEX: Final = "index"
"""Name of the variable `$index`, which `map` binds to the index of the current element."""


def node(kind: str, *children: Node, **facts: Any) -> Node:
    """Return a node of the type `kind`. `facts` are its other keys, such as `value`."""
    return {"type": kind, "children": list(children), **facts}


def reads(tree: Node, binding: int) -> bool:
    """Return whether the tree reads the variable with this number."""
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        if one.get("binding") == binding:
            return True
        # The children of a slice are numbers and not nodes.
        waiting.extend(child for child in one["children"] if isinstance(child, dict))
    return False
