"""The part of a condition that can be evaluated early: before the payload and other members of the scope have values.

The condition `!retain && payload.status == 'RUN'` can only be true if `!retain` is true, whatever the payload contains.
So if `!retain` is false, the message can be filtered before its payload is decoded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.mapping.expressions import analysis

if TYPE_CHECKING:
    from bridge.mapping.expressions.syntax.tree import Node

_AND: Final = "and_expression"
_OR: Final = "or_expression"
_NOT: Final = "not_expression"


def early_condition(node: Node, late_names: frozenset[str]) -> Node | None:
    """Return the early condition of a condition, or None if the condition has no early condition.

    The early condition does not read the members `late_names` of the scope. If the early condition is false, the
    condition is also false. The early condition is found by these rules:

    1. If a node does not read `late_names`, the early condition is the node itself.
    2. For `a && b`, the early condition is `x && y`, where `x` and `y` are the early conditions of `a` and `b`. If only
       one of `x` and `y` exists, this one is the early condition.
    3. For `a || b`, the early condition is `x || y`. If `x` or `y` does not exist, there is no early condition.
    4. For `!a`, the early condition is `!c`. The condition `c` does not read `late_names`, and if `c` is true, `a` is
       also true. Rules 1 to 4 also find `c`, but with `&&` and `||` exchanged. Example: `!(retain || payload.off)` has
       the early condition `!retain`.
    """
    return _implied(node, late_names, joining=_AND)


def _implied(node: Node, late_names: frozenset[str], joining: str) -> Node | None:
    """Return the early condition of a node or, if `joining` is _OR, the condition `c` of rule 4.

    If the operator of the node is `joining`, one operand with such a condition is enough (rule 2). Otherwise, both
    operands must have such a condition (rule 3).
    """
    # Ignore constants. A constant early condition would filter every message or no message.
    if analysis.constant(node):
        return None
    read = analysis.names(node)
    if read is not None and late_names.isdisjoint(read):
        return node
    kind = node["type"]
    if kind == _NOT:
        (inner,) = node["children"]
        found = _implied(inner, late_names, _OR if joining == _AND else _AND)
        return None if found is None else {"type": _NOT, "children": [found]}
    if kind not in {_AND, _OR}:
        return None
    parts = [part for child in node["children"] if (part := _implied(child, late_names, joining)) is not None]
    # With the operator `joining`, a condition without the missing part is still correct, but filters fewer messages.
    # With the other operator, the condition would be wrong.
    if not parts or (kind != joining and len(parts) < len(node["children"])):
        return None
    return parts[0] if len(parts) == 1 else {"type": kind, "children": parts}
