"""A parsed file: plain values, each with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from bridge.documents.scalar_types import resolve

Path: TypeAlias = tuple[str | int, ...]
_NAME = re.compile(r"[\w$-]+", re.ASCII)


class Position(NamedTuple):
    """Where something begins in a file. Both count from 1, `column` in characters."""

    line: int
    column: int


NOWHERE = Position(0, 0)
"""The file as a whole."""


@dataclass(slots=True)
class Scalar:
    """One value. `begin` is where its own text begins; `sources` are the references (`${NAME}`) it was made
    from; `commented`: nothing stands there but a comment."""

    begin: Position
    text: str
    plain: bool
    sources: tuple[str, ...] = ()
    commented: bool = False
    size: int = 1
    height: int = 0

    @property
    def data(self) -> Any:
        """A value from outside is always text: a password may look like a number."""
        return resolve(self.text) if self.plain and not self.sources else self.text


class Child(NamedTuple):
    """A value in its place: `place` is that of the key, or of the item of a list."""

    place: Position
    node: Node


@dataclass(slots=True)
class ListNode:
    """A list. `size` counts it and all values in it, aliases followed; `height` is how deep it goes."""

    begin: Position
    flow: bool
    items: list[Child] = field(default_factory=list)
    size: int = 1
    height: int = 1

    @property
    def data(self) -> list[Any]:
        """A list of plain values."""
        return [entry.node.data for entry in self.items]

    def entries(self) -> list[Child]:
        """What is in it."""
        return self.items


@dataclass(slots=True)
class MapNode:
    """Keys and values. `size` and `height` as for a list."""

    begin: Position
    flow: bool
    items: dict[str, Child] = field(default_factory=dict)
    size: int = 1
    height: int = 1

    @property
    def data(self) -> dict[str, Any]:
        """A dict of plain values."""
        return {key: entry.node.data for key, entry in self.items.items()}

    def entries(self) -> list[Child]:
        """What is in it."""
        return list(self.items.values())


Node: TypeAlias = Scalar | ListNode | MapNode


def find(root: Node, path: Path) -> tuple[Child, bool]:
    """The value at `path`, or the nearest one above it; and whether it is the one asked for."""
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
    """Every scalar at and below `node`."""
    if isinstance(node, Scalar):
        return [node]
    return [scalar for entry in node.entries() for scalar in scalars(entry.node)]


def path_text(path: Path) -> str:
    """`outputs[0].partition_key`; a key that is no plain name stands in brackets: `tables['a b']`."""
    text = ""
    for part in path:
        if isinstance(part, int) or not _NAME.fullmatch(part):
            text += f"[{part!r}]"
        else:
            text += f".{part}" if text else part
    return text
