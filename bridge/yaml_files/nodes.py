"""Nodes of a parsed file: plain values, each with its position."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from bridge.yaml_files.scalar_types import resolve

Path: TypeAlias = tuple[str | int, ...]
_NAME = re.compile(r"[\w$-]+", re.ASCII)


class Position(NamedTuple):
    """The position in a file where a key or value begins. Both numbers start at 1, and `column` counts characters."""

    line: int
    column: int


NOWHERE = Position(0, 0)
"""Position of a problem that concerns the complete file."""


@dataclass(slots=True)
class Scalar:
    """A single value: text, a number, a boolean or null.

    `begin` is the position where the text begins, after an opening quotation mark. `plain` is True if the value is not
    quoted. `sources` are the references (`${NAME}`) that were replaced in the text. `commented` is True if the value is
    missing because a comment follows its key.
    """

    begin: Position
    text: str
    plain: bool
    sources: tuple[str, ...] = ()
    commented: bool = False
    size: int = 1
    height: int = 0

    @property
    def data(self) -> Any:
        """The value. A value with a reference is always text, because a password may look like a number."""
        return resolve(self.text) if self.plain and not self.sources else self.text


class Child(NamedTuple):
    """A value with the position of its key or of its list item."""

    place: Position
    node: Node


@dataclass(slots=True)
class ListNode:
    """A list.

    `flow` is True if the list is written in brackets. `size` counts the list and all values in it, including the values
    of aliases. `height` is the number of nested levels.
    """

    begin: Position
    flow: bool
    items: list[Child] = field(default_factory=list)
    size: int = 1
    height: int = 1

    @property
    def data(self) -> list[Any]:
        """The list as plain values."""
        return [entry.node.data for entry in self.items]

    def entries(self) -> list[Child]:
        """Return the items."""
        return self.items


@dataclass(slots=True)
class MapNode:
    """A table of keys and values. `flow`, `size` and `height` have the same meaning as in ListNode."""

    begin: Position
    flow: bool
    items: dict[str, Child] = field(default_factory=dict)
    size: int = 1
    height: int = 1

    @property
    def data(self) -> dict[str, Any]:
        """The table as a dict of plain values."""
        return {key: entry.node.data for key, entry in self.items.items()}

    def entries(self) -> list[Child]:
        """Return the values, each with the position of its key."""
        return list(self.items.values())


Node: TypeAlias = Scalar | ListNode | MapNode


def find(root: Node, path: Path) -> tuple[Child, bool]:
    """Return the value at `path` and True. If `path` does not exist, return its nearest existing parent and False."""
    at = Child(root.begin, root)
    for part in path:
        below = _below(at.node, part)
        if below is None:
            return at, False
        at = below
    return at, True


def _below(node: Node, part: str | int) -> Child | None:
    if isinstance(node, MapNode) and isinstance(part, str):
        return node.items.get(part)
    if isinstance(node, ListNode) and isinstance(part, int) and 0 <= part < len(node.items):
        return node.items[part]
    return None


def scalars(node: Node) -> list[Scalar]:
    """Return all scalars in `node`, which may be a scalar itself."""
    if isinstance(node, Scalar):
        return [node]
    return [scalar for entry in node.entries() for scalar in scalars(entry.node)]


def path_text(path: Path) -> str:
    """Return a path as text, for example `outputs[0].partition_key`.

    A key is written in brackets if it has characters other than letters, digits, _, $ and -: `tables['a b']`.
    """
    text = ""
    for part in path:
        if isinstance(part, int) or not _NAME.fullmatch(part):
            text += f"[{part!r}]"
        else:
            text += f".{part}" if text else part
    return text
