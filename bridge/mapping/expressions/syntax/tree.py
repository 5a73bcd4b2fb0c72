"""Nodes of the tree of an expression: dictionaries with `type`, `children` and, for some types, `value`.

The types are those of the `jmespath` package, plus these:

    let_expression   children: the values of the variables, then the body; `bindings`: an integer for each variable
    variable         value: its name; `binding`: the integer of its `let`, or None for a predefined variable
    arithmetic       value: add, subtract, multiply, divide, modulo or floor_divide; two operands
    unary            value: minus or plus; one operand

A conditional `a ? b : c` becomes a call of `if`. `map` binds the variable `$index` in its first argument. The node of
the call has the integer of this binding as `index`.
"""

from __future__ import annotations

from typing import Any, Final

Node = dict[str, Any]

INDEX: Final = "index"
"""Name of the variable that `map` binds to the element's index."""


def node(kind: str, *children: Node, **facts: Any) -> Node:
    """Return a node of this type."""
    return {"type": kind, "children": list(children), **facts}


def reads(tree: Node, binding: int) -> bool:
    """Return whether a variable of this binding is in the tree."""
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        if one.get("binding") == binding:
            return True
        waiting.extend(child for child in one["children"] if isinstance(child, dict))  # those of a slice are numbers
    return False
