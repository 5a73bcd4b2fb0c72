"""What differs between two values, for a person: one line a value, both sides beside each other.

expected   got
partition_key         "press07"  "press08"
data.temperature_c    100.0      99.8
data.unit             "C"        (absent)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bridge.documents import path_text
from bridge.mapping.rendering import written

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.documents import Path

MAX_CHANGES: Final = 20
"""Shown of one record: who gets more of them wrong has one mistake and not twenty."""
MAX_VALUE_CHARS: Final = 48
_BEFORE_CHARS: Final = 12
"""How much of a long text stands before the place where it begins to differ."""


class _Absent:
    """Nothing stands there: something else than null."""


ABSENT: Final = _Absent()


class Change(NamedTuple):
    """One value that differs; ABSENT on the side that has none."""

    path: Path
    left: Any
    right: Any


def same(one: Any, other: Any) -> bool:
    """Compare as JSON: 1 is 1.0, true is not 1, and the order of keys does not count."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def changes(left: Any, right: Any, path: Path = ()) -> list[Change]:
    """Every value that is not the same, by the deepest path that both sides share; empty if all is."""
    return list(_changes(left, right, path))


def _changes(left: Any, right: Any, path: Path) -> Iterator[Change]:
    if isinstance(left, dict) and isinstance(right, dict):
        for key in dict.fromkeys([*left, *right]):
            yield from _changes(left.get(key, ABSENT), right.get(key, ABSENT), (*path, key))
    elif isinstance(left, list) and isinstance(right, list):
        for place in range(max(len(left), len(right))):
            yield from _changes(_item(left, place), _item(right, place), (*path, place))
    elif not same(left, right):
        yield Change(path, left, right)


def _item(items: list[Any], place: int) -> Any:
    return items[place] if place < len(items) else ABSENT


def table(found: Sequence[Change], left: str, right: str) -> list[str]:
    """The changes as lines under the sides' titles, in columns."""
    rows = [("", left, right)]
    for change in found[:MAX_CHANGES]:
        one, other = _shown(change.left), _shown(change.right)
        start = _first_difference(one, other)
        rows.append((path_text(change.path) or "value", _around(one, start), _around(other, start)))
    names, lefts = (max(len(row[column]) for row in rows) for column in (0, 1))
    lines = [f"{name:<{names}}  {one:<{lefts}}  {other}".rstrip() for name, one, other in rows]
    more = len(found) - MAX_CHANGES
    return [*lines, f"... and {more} more that differ"] if more > 0 else lines


def _shown(value: Any) -> str:
    return "(absent)" if value is ABSENT else written(value)


def _first_difference(one: str, other: str) -> int:
    places = range(min(len(one), len(other)))
    return next((place for place in places if one[place] != other[place]), len(places))


def _around(text: str, place: int) -> str:
    """What a column has room for, with the place where two texts begin to differ in sight."""
    if len(text) <= MAX_VALUE_CHARS:
        return text
    room = MAX_VALUE_CHARS - len("......")
    begin = max(0, min(place - _BEFORE_CHARS, len(text) - room))
    end = begin + room
    return f"{'...' if begin else ''}{text[begin:end]}{'...' if end < len(text) else ''}"
