"""Which mappings a topic goes to: the mappings in force, as one immutable object that a reload replaces whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.mapping.covering import covering
from bridge.mapping.topics import ONE, REST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.mapping.mapping import Mapping

MAX_CACHED_TOPICS = 20_000
MAX_CACHED_TOPIC_BYTES = 1_000
"""Together about 30 MB at the very most, with topics of usual length; a longer topic is looked up each time."""

_HERE = object()
_BELOW = object()


class Target(NamedTuple):
    """A mapping that a topic goes to, and what its pattern captured. Shared by all messages: never to be changed."""

    mapping: Mapping
    captures: dict[str, str]


class Match(NamedTuple):
    """Where a topic goes. `valid` is false if it is not UTF-8; `topic` then shows the wrong bytes escaped."""

    topic: str
    levels: list[str]
    targets: tuple[Target, ...]
    valid: bool = True


class Routes:
    """The mappings in force. Used by one thread at a time: `match` remembers the topics it has seen.

    A factory's machines publish to the same topics again and again, so a match is nearly always one look into a dict.
    When the dict is full it is emptied: no bookkeeping per message, and a topic costs some microseconds to find again.
    """

    def __init__(self, mappings: Iterable[Mapping]) -> None:
        self.mappings = tuple(mappings)
        self._root: dict[Any, Any] = {}
        for mapping in self.mappings:
            self._insert(mapping)
        self._order = {id(mapping): number for number, mapping in enumerate(self.mappings)}
        self._seen: dict[bytes, Match] = {}

    def filters(self) -> dict[str, int]:
        """Give the MQTT filters to subscribe to, with their QoS: no two overlap, so a message arrives once."""
        return covering((mapping.pattern.filter, mapping.specification.qos) for mapping in self.mappings)

    def match(self, topic: bytes) -> Match:
        """Give the mappings for a topic as it came from the wire, in the order of `mappings`."""
        found = self._seen.get(topic)
        if found is None:
            found = self._look_up(topic)
            if len(topic) <= MAX_CACHED_TOPIC_BYTES:
                if len(self._seen) >= MAX_CACHED_TOPICS:
                    self._seen.clear()
                self._seen[topic] = found
        return found

    def _insert(self, mapping: Mapping) -> None:
        node = self._root
        for level in mapping.pattern.levels:
            if level == REST:
                node.setdefault(_BELOW, []).append(mapping)
                return
            node = node.setdefault(level, {})
        node.setdefault(_HERE, []).append(mapping)

    def _look_up(self, topic: bytes) -> Match:
        try:
            text = topic.decode()
        except UnicodeDecodeError:
            return Match(topic.decode(errors="backslashreplace"), [], (), valid=False)
        levels = text.split("/")
        mappings = sorted(self._found(levels), key=lambda mapping: self._order[id(mapping)])
        return Match(text, levels, tuple(Target(mapping, mapping.pattern.captures(levels)) for mapping in mappings))

    def _found(self, levels: list[str]) -> Iterator[Mapping]:
        nodes = [self._root]
        private = levels[0].startswith("$")  # 4.7.2: wildcards in front never match the broker's own topics
        for number, level in enumerate(levels):
            wild = number > 0 or not private
            below: list[dict[Any, Any]] = []
            for node in nodes:
                if wild:
                    yield from node.get(_BELOW, ())
                below += [node[next_level] for next_level in ({level, ONE} if wild else {level}) if next_level in node]
            nodes = below
        for node in nodes:
            yield from node.get(_HERE, ())
            yield from node.get(_BELOW, ())
