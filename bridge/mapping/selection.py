"""Closures that select: fields, chains of fields, indices, multi-selects.

A missing name, or a value that has no members, gives null.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.mapping.straight import NOT_THERE, straight

if TYPE_CHECKING:
    from bridge.mapping.functions.signature import Search


def chain(names: tuple[str, ...]) -> Search:
    """`a.b.c`. The last name is looked up without an exception: optional fields are mostly the last one."""
    if not names:
        return lambda value: value
    if len(names) == 1:
        return _field(names[0])
    if len(names) == 2:  # noqa: PLR2004 - the commonest: payload.x
        return _pair(*names)
    *leading, last = names

    def search(value: Any) -> Any:
        try:
            for name in leading:
                value = value[name]
            return value.get(last)
        except NOT_THERE:
            return None

    return search


def literal(constant: Any) -> Search:
    """The same for every value."""
    return lambda _: constant


def _field(name: str) -> Search:
    def search(value: Any) -> Any:
        try:
            return value.get(name)
        except AttributeError:
            return None

    return search


def _pair(first: str, last: str) -> Search:
    def search(value: Any) -> Any:
        try:
            return value[first].get(last)
        except NOT_THERE:
            return None

    return search


def index(place: int) -> Search:
    """`[n]`, of a list."""

    def search(value: Any) -> Any:
        if not isinstance(value, list):
            return None
        try:
            return value[place]
        except IndexError:
            return None

    return search


def part(bounds: slice) -> Search:
    """`[start:stop:step]`, of a list."""
    return lambda value: value[bounds] if isinstance(value, list) else None


def sequence(steps: list[Search]) -> Search:
    """Each on the result of the one before."""
    if len(steps) == 1:
        return steps[0]
    *leading, last = steps
    if len(leading) == 1:
        first = leading[0]
        return lambda value: last(first(value))

    def search(value: Any) -> Any:
        for step in leading:
            value = step(value)
        return last(value)

    return search


def multi_select_list(items: list[Search]) -> Search:
    """`[a, b]`."""
    return lambda value: None if value is None else [item(value) for item in items]


class Item(NamedTuple):
    """One `key: expression` of a multi-select hash. `names`: the expression is just this chain of fields."""

    key: str
    search: Search
    names: tuple[str, ...] | None
    is_constant: bool


def multi_select_hash(items: list[Item]) -> Search:
    """`{a: x, b: y}`, in the order written.

    Chains that differ only in their last name (`payload.a`, `payload.b`) share what leads to it, and constants are
    there from the start.
    """
    if len({item.key for item in items}) < len(items):
        pairs = [(item.key, item.search) for item in items]
        return lambda value: None if value is None else {key: search(value) for key, search in pairs}
    return straight(items, _one_by_one(items))


def _one_by_one(items: list[Item]) -> Search:
    template = {item.key: item.search(None) if item.is_constant else None for item in items}
    groups, others = _grouped([item for item in items if not item.is_constant])

    def search(value: Any) -> Any:
        if value is None:
            return None
        selected = template.copy()
        for leading, members in groups:
            base = leading(value)
            if base is None:
                continue
            try:
                get = base.get
            except AttributeError:
                continue
            for key, name in members:
                selected[key] = get(name)
        for key, other in others:
            selected[key] = other(value)
        return selected

    return search


_Group = tuple["Search", tuple[tuple[str, str], ...]]


def _grouped(items: list[Item]) -> tuple[tuple[_Group, ...], tuple[tuple[str, Search], ...]]:
    members: defaultdict[tuple[str, ...], list[tuple[str, str]]] = defaultdict(list)
    for item in items:
        if item.names:
            members[item.names[:-1]].append((item.key, item.names[-1]))
    groups = {leading: tuple(pairs) for leading, pairs in members.items() if len(pairs) > 1}
    others = tuple((item.key, item.search) for item in items if not (item.names and item.names[:-1] in groups))
    return tuple((chain(leading), pairs) for leading, pairs in groups.items()), others
