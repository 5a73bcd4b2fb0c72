"""Routing of topics to mappings. The set of active mappings is one immutable object, which a reload replaces."""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.mapping.topics.pattern import ONE, REST
from bridge.mapping.topics.subscription_cover import covering_filters, joined_filters

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.mapping.mapping import Mapping

MAX_CACHED_BYTES = 64 * 1024 * 1024
"""Memory limit of the cache of matches: about 60,000 topics of usual length."""
# Estimated memory of a cached topic, measured: `_MATCH_BYTES` per match, plus 3 bytes per character of the topic.
# A character counts in the key, in the match, and in each level that no other topic shares.
_MATCH_BYTES = 850
_BYTES_A_CHARACTER = 3
MAX_CACHED_TOPIC_BYTES = 1024
"""Length of a topic above which it is matched without the cache."""
# Number of levels that `_MATCH_BYTES` includes, and the memory of each further one that no other topic has.
_USUAL_LEVELS, _BYTES_A_LEVEL = 12, 120
# Length of a topic above which its levels are not interned: Python's table of interned texts would grow.
_INTERNED_TOPIC_BYTES = 256
# Misses per cached topic after which a full cache is cleared.
_MISSES_KEPT = 4

_END = object()
_MULTI = object()


class RouteTarget(NamedTuple):
    """A mapping that a topic matches, and the captures of its pattern.

    All messages share it: it must not be changed.
    """

    mapping: Mapping
    captures: dict[str, str]


class RouteMatch(NamedTuple):
    """Result of a look-up.

    `valid` is false if the topic is empty or not UTF-8; `topic` then shows the invalid bytes escaped. `excluded` is
    true if no mapping matches because an `except` excludes the topic; coverage does not report it.
    """

    topic: str
    levels: list[str]
    targets: tuple[RouteTarget, ...]
    valid: bool = True
    excluded: bool = False


class Router:
    """The active mappings. Used by one thread at a time, because `match` updates the cache.

    Machines publish to the same topics again and again, so a match is nearly always one dictionary look-up. When the
    cache is full, further topics are not cached, and matching them takes some microseconds. The cache is cleared only
    after several misses per cached topic, because it then contains the wrong topics. Clearing it at once, or evicting
    the oldest topic, would be worse: in a plant with slightly too many topics, every look-up would miss.
    """

    def __init__(self, mappings: Iterable[Mapping]) -> None:
        """Build the tree of topic levels for `mappings`."""
        self.mappings = tuple(mappings)
        self._root: dict[Any, Any] = {}
        for mapping in self.mappings:
            self._insert(mapping)
        self._order = {id(mapping): number for number, mapping in enumerate(self.mappings)}
        self._cache: dict[bytes, RouteMatch] = {}
        self._cache_budget = MAX_CACHED_BYTES
        self._cache_misses = 0

    def filters(self) -> dict[str, int]:
        """Return the MQTT filters to subscribe to, with their QoS.

        Filters never overlap, so each message arrives once.
        """
        return covering_filters((mapping.pattern.filter, mapping.specification.qos) for mapping in self.mappings)

    def joined_filters(self) -> dict[str, dict[str, int]]:
        """Return, for each filter of `filters`, the filters of the mappings that it joins, with their QoS."""
        return joined_filters((mapping.pattern.filter, mapping.specification.qos) for mapping in self.mappings)

    def match(self, topic: bytes) -> RouteMatch:
        """Return the mappings for a topic (the bytes that were received), in the order of `mappings`."""
        found = self._cache.get(topic)
        if found is None:
            found = self._look_up(topic)
            self._remember(topic, found)
        return found

    def _remember(self, topic: bytes, found: RouteMatch) -> None:
        """Cache a match if there is room (see `Router`)."""
        if len(topic) > MAX_CACHED_TOPIC_BYTES:
            return
        # An estimate of the memory that a cached match takes, so that long topics count more than short ones.
        size = _MATCH_BYTES + _BYTES_A_CHARACTER * len(topic)
        size += _BYTES_A_LEVEL * max(0, topic.count(b"/") - _USUAL_LEVELS)
        # Cases:
        # 1. There is room: cache the topic.
        # 2. The cache is full and has had few misses: do not cache the topic.
        # 3. The cache is full and has had many misses, so its topics are no longer published: clear it, then cache the
        #    topic.
        if size > self._cache_budget:
            self._cache_misses += 1
            if self._cache_misses <= _MISSES_KEPT * len(self._cache):
                return
            self._cache.clear()
            self._cache_budget, self._cache_misses = MAX_CACHED_BYTES, 0
        self._cache_budget -= size
        self._cache[topic] = found

    def _insert(self, mapping: Mapping) -> None:
        """Add a mapping to the tree: one dictionary per level, with the mappings at `_END` or `_MULTI`."""
        node = self._root
        for level in mapping.pattern.levels:
            if level == REST:
                node.setdefault(_MULTI, []).append(mapping)
                return
            node = node.setdefault(level, {})
        node.setdefault(_END, []).append(mapping)

    def _look_up(self, topic: bytes) -> RouteMatch:
        """Match a topic without the cache."""
        try:
            text = topic.decode()
        except UnicodeDecodeError:
            return RouteMatch(topic.decode(errors="backslashreplace"), [], (), valid=False)
        if not text:
            # The topic may be replaced by a topic alias. The bridge permits no aliases, so this topic is unknown.
            return RouteMatch(text, [], (), valid=False)
        levels = text.split("/")
        if len(topic) <= _INTERNED_TOPIC_BYTES:
            levels = [intern(level) for level in levels]  # other topics share most levels, so this saves 0.2 KB a topic
        matching = self._found(levels)
        mappings = [mapping for mapping in matching if mapping.pattern.exception(levels) is None]
        # The tree finds the mappings in no defined order. Records must not depend on it.
        if len(mappings) > 1:
            mappings.sort(key=lambda mapping: self._order[id(mapping)])
        targets = tuple([RouteTarget(mapping, mapping.pattern.captures(levels)) for mapping in mappings])
        return RouteMatch(text, levels, targets, excluded=bool(matching) and not mappings)

    def _found(self, levels: list[str]) -> list[Mapping]:
        """Return the mappings whose patterns match, in no defined order."""
        found: list[Mapping] = []
        nodes = [self._root]
        if levels[0].startswith("$"):  # MQTT 4.7.2: a leading wildcard never matches $ topics
            nodes, levels = [self._root.get(levels[0], {})], levels[1:]
        for level in levels:
            below: list[dict[Any, Any]] = []
            for node in nodes:
                if _MULTI in node:
                    found += node[_MULTI]
                if level in node:
                    below.append(node[level])
                # If the level itself is "+", this branch was already followed, and must not match twice.
                if ONE in node and level != ONE:
                    below.append(node[ONE])
            nodes = below
        for node in nodes:
            found += node.get(_END, ())
            # MQTT 4.7.1.2: "a/#" also matches its parent level "a".
            found += node.get(_MULTI, ())
        return found
