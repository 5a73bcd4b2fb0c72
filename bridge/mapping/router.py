"""Which mappings a topic goes to: the mappings in force, as one immutable object that a reload replaces whole."""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.mapping.topics.pattern import ONE, REST
from bridge.mapping.topics.subscription_cover import covering_filters

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.mapping.mapping import Mapping

MAX_CACHED_BYTES = 64 * 1024 * 1024
"""For all topics that are remembered: some 60,000 of usual length."""
_MATCH_BYTES = 850
_BYTES_A_CHARACTER = 3
"""What a topic costs in memory, measured: as a key, in its match, and its levels where no other topic has them."""
_MISSES_KEPT = 4

_END = object()
_MULTI = object()


class RouteTarget(NamedTuple):
    """A mapping that a topic goes to, and what its pattern captured. Shared by all messages: never to be changed."""

    mapping: Mapping
    captures: dict[str, str]


class RouteMatch(NamedTuple):
    """Where a topic goes. `valid` is false if it is not UTF-8; `topic` then shows the wrong bytes escaped."""

    topic: str
    levels: list[str]
    targets: tuple[RouteTarget, ...]
    valid: bool = True


class Router:
    """The mappings in force. Used by one thread at a time: `match` remembers the topics it has seen.

    A factory's machines publish to the same topics again and again, so a match is nearly always one look into a dict.
    When it is full it stays as it is, and other topics are looked up each time, at some microseconds. Only when that
    has happened several times as often as there are topics in it, it holds the wrong ones and is emptied: were it
    emptied at once, or the oldest forgotten, a plant with a few topics more than it holds would never hit one.
    """

    def __init__(self, mappings: Iterable[Mapping]) -> None:
        self.mappings = tuple(mappings)
        self._root: dict[Any, Any] = {}
        for mapping in self.mappings:
            self._insert(mapping)
        self._order = {id(mapping): number for number, mapping in enumerate(self.mappings)}
        self._cache: dict[bytes, RouteMatch] = {}
        self._cache_budget = MAX_CACHED_BYTES
        self._cache_misses = 0

    def filters(self) -> dict[str, int]:
        """Give the MQTT filters to subscribe to, with their QoS: no two overlap, so a message arrives once."""
        return covering_filters((mapping.pattern.filter, mapping.specification.qos) for mapping in self.mappings)

    def match(self, topic: bytes) -> RouteMatch:
        """Give the mappings for a topic as it came from the wire, in the order of `mappings`."""
        found = self._cache.get(topic)
        if found is None:
            found = self._look_up(topic)
            self._remember(topic, found)
        return found

    def _remember(self, topic: bytes, found: RouteMatch) -> None:
        size = _MATCH_BYTES + _BYTES_A_CHARACTER * len(topic)
        if size > self._cache_budget:
            self._cache_misses += 1
            if self._cache_misses <= _MISSES_KEPT * len(self._cache):
                return
            self._cache.clear()
            self._cache_budget, self._cache_misses = MAX_CACHED_BYTES, 0
        self._cache_budget -= size
        self._cache[topic] = found

    def _insert(self, mapping: Mapping) -> None:
        node = self._root
        for level in mapping.pattern.levels:
            if level == REST:
                node.setdefault(_MULTI, []).append(mapping)
                return
            node = node.setdefault(level, {})
        node.setdefault(_END, []).append(mapping)

    def _look_up(self, topic: bytes) -> RouteMatch:
        try:
            text = topic.decode()
        except UnicodeDecodeError:
            return RouteMatch(topic.decode(errors="backslashreplace"), [], (), valid=False)
        levels = [intern(level) for level in text.split("/")]  # most are those of other topics too: 0.2 KB a topic
        mappings = self._found(levels)
        if len(mappings) > 1:
            mappings.sort(key=lambda mapping: self._order[id(mapping)])
        return RouteMatch(
            text, levels, tuple([RouteTarget(mapping, mapping.pattern.captures(levels)) for mapping in mappings])
        )

    def _found(self, levels: list[str]) -> list[Mapping]:
        found: list[Mapping] = []
        nodes = [self._root]
        if levels[0].startswith("$"):  # 4.7.2: wildcards in front never match the broker's own topics
            nodes, levels = [self._root.get(levels[0], {})], levels[1:]
        for level in levels:
            below: list[dict[Any, Any]] = []
            for node in nodes:
                if _MULTI in node:
                    found += node[_MULTI]
                if level in node:
                    below.append(node[level])
                if ONE in node and level != ONE:
                    below.append(node[ONE])
            nodes = below
        for node in nodes:
            found += node.get(_END, ())
            found += node.get(_MULTI, ())
        return found
