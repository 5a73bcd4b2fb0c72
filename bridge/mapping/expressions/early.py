"""The part of a condition that can be evaluated without some members of the scope, such as the payload.

`!retain && payload.status == 'RUN'` can only be true if `!retain` is true, whatever the payload contains. So a message
that fails `!retain` can be filtered before its payload is decoded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.mapping.expressions import analysis

if TYPE_CHECKING:
    from bridge.mapping.expressions.syntax.tree import Node

_AND: Final = "and_expression"
_OR: Final = "or_expression"
_NOT: Final = "not_expression"


def necessary(node: Node, late: frozenset[str]) -> Node | None:
    """Return a condition that is true whenever `node` is true, and that does not read the members `late`.

    Return None if there is none. Rules:

    1. A node that does not read the members is such a condition.
    2. For `a && b`, each part is such a condition, and the strictest one consists of both.
    3. For `a || b`, both parts must have such a condition.
    4. `!a` is truthy only if no sufficient condition makes `a` truthy.
    """
    return _implied(node, late, joining=_AND)


def _implied(node: Node, late: frozenset[str], joining: str) -> Node | None:
    """Return a necessary condition that does not read the members; with `joining` "or", a sufficient one."""
    if analysis.constant(node):
        return None  # it filters everything or nothing
    read = analysis.names(node)
    if read is not None and late.isdisjoint(read):
        return node
    kind = node["type"]
    if kind == _NOT:
        (inner,) = node["children"]
        found = _implied(inner, late, _OR if joining == _AND else _AND)
        return None if found is None else {"type": _NOT, "children": [found]}
    if kind not in {_AND, _OR}:
        return None
    parts = [part for child in node["children"] if (part := _implied(child, late, joining)) is not None]
    # One part is enough: a condition with fewer parts is weaker, but still valid.
    if not parts or (kind != joining and len(parts) < len(node["children"])):
        return None
    return parts[0] if len(parts) == 1 else {"type": kind, "children": parts}
