"""`merge_each` adds common members to all items of a list, for `each`; `merge_all` makes one object of a list."""

from __future__ import annotations

from typing import Any, Final

from bridge.mapping.expressions.functions.function import Function, Parameter


def _merge_each(items: list[Any], common: dict[str, Any]) -> list[Any]:
    """Return the items with the common members before their own. Raises ValueError if an item is not an object."""
    for item in items:
        if type(item) is not dict:
            raise ValueError("every item must be an object")
    return [{**common, **item} for item in items]


def _merge_all(items: list[Any]) -> dict[str, Any]:
    """Return the members of all items. Raises ValueError if an item is not an object."""
    if not all(type(item) is dict for item in items):
        raise ValueError("every item must be an object")
    return {name: value for item in items for name, value in item.items()}


LISTS: Final[tuple[Function, ...]] = (
    Function(
        "merge_each",
        (Parameter("items", ("array",)), Parameter("common", ("object",))),
        _merge_each,
        "Each object of a list with the keys of another put before its own; what it has itself counts. For `each`: "
        "inside `payload[]` an expression sees the item only, and neither captures nor topic.",
        (
            (
                'merge_each(`[{"t": 1}, {"t": 2}]`, `{"site": "pdx"}`)',
                [{"site": "pdx", "t": 1}, {"site": "pdx", "t": 2}],
            ),
            ('merge_each(`[{"t": 1}]`, `{"t": 9}`)', [{"t": 1}]),
        ),
    ),
    Function(
        "merge_all",
        (Parameter("objects", ("array",)),),
        _merge_all,
        "All members of all objects of a list; the last one of a name counts.",
        (('merge_all(`[{"a": 1}, {"b": 2}]`)', {"a": 1, "b": 2}),),
    ),
)
