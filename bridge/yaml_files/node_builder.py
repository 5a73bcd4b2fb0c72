"""Construction of nodes from YAML events.

The nodes contain only dicts, lists and plain values, so a file cannot create Python objects.

The composer of the package yaml is not used. It limits neither the depth nor the aliases, does not find duplicate keys,
and does not record every position.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from bridge.yaml_files.nodes import NOWHERE, Child, ListNode, MapNode, Position, Scalar
from bridge.yaml_files.scalar_types import resolve
from bridge.yaml_files.syntax_errors import text_begins

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.yaml_files.nodes import Node

MAX_DEPTH = 64
MAX_ALIASED_VALUES = 100_000
"""Maximum number of nested levels, and maximum number of values that all aliases of a document stand for."""
_MERGE = "<<"
# Marks an anchor whose node is not complete yet.
_OPEN = object()


class ParseAborted(Exception):
    """A problem after which parsing cannot continue."""

    def __init__(self, place: Position, message: str) -> None:
        self.place = place
        self.message = message


@dataclass(slots=True)
class _OpenCollection:
    """A list or table under construction.

    `keyed` is true after the key of a table was read, until its value is read. `key` is this key, or None if the key is
    invalid.
    """

    node: ListNode | MapNode
    anchor: str | None
    keyed: bool = False
    key: str | None = None
    key_place: Position = NOWHERE


class NodeBuilder:
    """Builder of the nodes of one document. `problems` has the problems after which parsing could continue."""

    def __init__(self, lines: list[str]) -> None:
        self.problems: list[tuple[Position, str]] = []
        self._lines = lines
        self._anchors: dict[str, Any] = {}
        self._frames: list[_OpenCollection] = []
        self._aliased = 0
        self._root: Node | None = None

    def build(self, events: Iterator[yaml.Event]) -> Node:
        """Return the root node. Raise ParseAborted, and the YAML errors of `events`."""
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent) and self._root is not None:
                raise ParseAborted(
                    _position_of(event), "a second document begins here ('---'); a file may contain only one"
                )
            if isinstance(event, yaml.NodeEvent):
                self._node(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close()
        if self._root is None or (isinstance(self._root, Scalar) and self._root.data is None):
            raise ParseAborted(NOWHERE, "the file is empty: nothing is set in it")
        return self._root

    def _problem(self, place: Position, message: str) -> None:
        self.problems.append((place, message))

    def _node(self, event: Any) -> None:
        """Add the node of an event to the list or table under construction."""
        place = _position_of(event)
        if getattr(event, "tag", None):
            self._problem(place, "a tag ('!'), which is not used here; text that begins with '!' must be in quotes")
        if isinstance(event, yaml.AliasEvent):
            self._add(Child(place, self._alias(event.anchor or "", place)))
        elif isinstance(event, yaml.ScalarEvent):
            self._add(Child(place, self._scalar(event, place)))
        else:
            self._open(event, place)

    # -- scalars and aliases ---------------------------------------------------------------------------------------

    def _scalar(self, event: Any, place: Position) -> Scalar:
        """Return the node of a scalar event, and record problems of its value."""
        text = event.value if event.value.isascii() else self._join_surrogates(event.value, place)
        # `implicit[0]` is true for a value without quotes and without a tag.
        plain = event.implicit[0] and not event.tag
        value = resolve(text) if plain else text
        # `float` returns infinity for a number such as 1e999, which the user cannot have intended.
        if isinstance(value, float) and math.isinf(value) and "inf" not in text.lower():
            self._problem(place, "a number that is too large; if it is text, put it in quotes")
        if event.anchor is not None and plain and not text:
            self._problem(place, "an anchor ('&') without a value; text that begins with '&' must be in quotes")
        commented = plain and not text and "#" in self._lines[place.line - 1][place.column - 1 :]
        scalar = Scalar(text_begins(event, self._lines), text, plain, commented=commented)
        self._store_anchor(event.anchor, scalar)
        return scalar

    def _join_surrogates(self, text: str, place: Position) -> str:
        r"""Join the two halves of a character beyond U+FFFF.

        JSON writes such a character as two escapes ("\ud83d\ude00"), which yaml reads as two characters.
        """
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self._problem(place, r"half a character: escapes from \ud800 to \udfff mean something only in pairs")
            return text.encode("utf-8", "replace").decode()

    def _alias(self, name: str, place: Position) -> Node:
        """Return the node that an alias refers to. Raise ParseAborted if there is no such node, or above a limit."""
        node = self._anchors.get(name)
        if node is None:  # the name is not shown: it may be part of a password
            raise ParseAborted(
                place, "an alias ('*') without its anchor ('&'); text that begins with '*' must be in quotes"
            )
        if node is _OPEN:
            raise ParseAborted(place, "an alias ('*') inside its own anchor ('&'): it would never end")
        # Count the values behind each alias: a few lines of nested aliases can stand for billions of values.
        self._aliased += node.size
        if self._aliased > MAX_ALIASED_VALUES:
            raise ParseAborted(
                place, f"up to this alias ('*'), aliases stand for more than {MAX_ALIASED_VALUES:,} values"
            )
        if len(self._frames) + node.height > MAX_DEPTH:
            raise ParseAborted(place, f"with this alias ('*'), the file is nested deeper than {MAX_DEPTH} levels")
        found: Node = node
        return found

    def _store_anchor(self, anchor: str | None, node: Node) -> None:
        if anchor is not None:
            self._anchors[anchor] = node

    # -- lists and tables ------------------------------------------------------------------------------------------

    def _open(self, event: Any, place: Position) -> None:
        """Begin a list or table. Raise ParseAborted beyond MAX_DEPTH levels."""
        if len(self._frames) >= MAX_DEPTH:
            raise ParseAborted(place, f"nested deeper than {MAX_DEPTH} levels")
        flow = bool(event.flow_style)
        if event.anchor is not None:
            self._anchors[event.anchor] = _OPEN
        node = ListNode(place, flow) if isinstance(event, yaml.SequenceStartEvent) else MapNode(place, flow)
        self._frames.append(_OpenCollection(node, event.anchor))

    def _close(self) -> None:
        """End the current list or table: calculate its size, and add it to its parent."""
        frame = self._frames.pop()
        node = frame.node
        below = [entry.node for entry in node.entries()]
        # The size is stored, so that the values of each alias to this node can be counted with one addition.
        node.size = 1 + sum(child.size for child in below)
        node.height = 1 + max((child.height for child in below), default=0)
        self._store_anchor(frame.anchor, node)
        self._add(Child(node.begin, node))

    def _add(self, entry: Child) -> None:
        """Add a complete node as root, list item, key or value."""
        if not self._frames:
            self._root = entry.node
            return
        frame = self._frames[-1]
        if isinstance(frame.node, ListNode):
            frame.node.items.append(entry)
        elif frame.keyed:
            self._value(frame, frame.node, entry)
        else:
            self._key(frame, frame.node, entry)

    def _key(self, frame: _OpenCollection, table: MapNode, entry: Child) -> None:
        """Record a key. Its value comes next.

        Invalid and duplicate keys become problems, and their values are ignored.
        """
        # `keyed` is also set for an invalid key, because its value follows and must not be read as a key.
        frame.keyed, frame.key_place = True, entry.place
        frame.key = None
        node = entry.node
        if not isinstance(node, Scalar):
            self._problem(entry.place, "a key must be text; a text that begins with '{' or '[' must be in quotes")
        elif node.plain and not node.text:
            self._problem(entry.place, "a key is missing before ':'")
        elif node.plain and node.text == _MERGE:
            # YAML 1.2 has no merge keys. Without this message, `<<` would only be reported as an unknown key.
            self._problem(entry.place, "merge keys ('<<') are not supported: write out the keys that it stands for")
        elif node.text in table.items:
            first = table.items[node.text].place
            message = f"duplicate key {node.text!r}: first at line {first.line}, column {first.column}"
            self._problem(entry.place, message)
        else:
            frame.key = node.text

    def _value(self, frame: _OpenCollection, table: MapNode, entry: Child) -> None:
        frame.keyed = False
        if frame.key is not None:
            table.items[frame.key] = Child(frame.key_place, entry.node)


def _position_of(event: Any) -> Position:
    return Position(event.start_mark.line + 1, event.start_mark.column + 1)
