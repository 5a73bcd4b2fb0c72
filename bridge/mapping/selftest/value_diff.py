"""Differences between two values, as a table of text with one line per difference.

                          expected   got
    partition_key         "press07"  "press08"
    data.temperature_c    100.0      99.8
    data.unit             "C"        (absent)

`(absent)` means that there is no such member.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bridge.mapping.rendering import written
from bridge.yaml_files import path_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.yaml_files import Path

MAX_CHANGES: Final = 20
"""Maximum number of differences in a table. More differences usually have one common cause."""
MAX_VALUE_CHARS: Final = 48
"""Maximum number of characters of a value in a table."""
# Number of characters that are shown before the first difference, if a value is too long for the table.
_BEFORE_CHARS: Final = 12


class _Absent:
    """Marker for a missing value. None cannot be the marker, because None stands for the value null."""


ABSENT: Final = _Absent()


class Change(NamedTuple):
    """One difference: the path of the value, and the value on both sides. A missing value is ABSENT."""

    path: Path
    left: Any
    right: Any


def same(one: Any, other: Any) -> bool:
    """Return whether two JSON values are equal: 1 equals 1.0, but true does not equal 1. Ignore the order of keys."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    # In Python, True == 1. In JSON, true and 1 are different values.
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def changes(left: Any, right: Any, path: Path = ()) -> list[Change]:
    """Return all differences between two JSON values, or [] if the values are equal.

    If two objects differ in one member, the difference has the path of this member.
    """
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
    """Return a table with the columns path, left value and right value. The first line has the titles of the columns.

    `left` and `right` are the titles of the values.
    """
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
    """Return the index of the first character that differs. If one text begins with the other, return its length."""
    places = range(min(len(one), len(other)))
    return next((place for place in places if one[place] != other[place]), len(places))


def _around(text: str, place: int) -> str:
    """Return a part of the text that fits into a column. The part contains the character at index `place`."""
    if len(text) <= MAX_VALUE_CHARS:
        return text
    room = MAX_VALUE_CHARS - len("......")
    begin = max(0, min(place - _BEFORE_CHARS, len(text) - room))
    end = begin + room
    return f"{'...' if begin else ''}{text[begin:end]}{'...' if end < len(text) else ''}"
