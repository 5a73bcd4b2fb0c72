"""Routing of topics to mappings. A `Router` contains the active mappings. Each reload creates a new `Router`."""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.mapping.topics.pattern import ONE, REST
from bridge.mapping.topics.subscription_cover import covering_filters, joined_filters

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.mapping.mapping import Mapping

MAX_CACHED_BYTES = 64 * 1024 * 1024
"""Maximum memory of the cache of matches, in bytes. This is enough for about 60,000 topics of usual length."""
# Memory of one cached topic, measured: 850 bytes, plus 3 bytes per character of the topic. Each character is stored
# three times: in the key, in the match, and in the text of its level.
_MATCH_BYTES = 850
_BYTES_PER_CHARACTER = 3
MAX_CACHED_TOPIC_BYTES = 1024
"""Maximum length of a cached topic. Longer topics would use much of the cache, so they are matched each time."""
# `_MATCH_BYTES` includes the memory of 12 levels. Each additional level takes 120 bytes.
_INCLUDED_LEVELS, _BYTES_PER_LEVEL = 12, 120
# Maximum length of a topic whose levels are interned. Longer topics would fill Python's table of interned texts.
_MAX_INTERNED_TOPIC_BYTES = 256
# A full cache is cleared after this number of misses per cached topic.
_MAX_MISSES_PER_TOPIC = 4

# Keys in a node of the tree of topic levels. `_END`: the mappings whose pattern ends at this level. `_MULTI`: the
# mappings whose pattern ends with `#` at the next level. The keys are objects and not texts, because a level can be any
# text.
_END = object()
_MULTI = object()


class RouteTarget(NamedTuple):
    """A mapping whose pattern matches a topic, and the values of the pattern's captures.

    All messages with this topic share the object, so it must not be changed.
    """

    mapping: Mapping
    captures: dict[str, str]


class RouteMatch(NamedTuple):
    """Mappings for one topic.

    If the topic is empty or not UTF-8, `valid` is False, and `topic` contains escapes for the invalid bytes.

    `excluded` is True if the pattern of a mapping matches the topic, but each such mapping excludes the topic by its
    option `except`. The command `coverage` does not report such a topic as unmatched.
    """

    topic: str
    levels: list[str]
    targets: tuple[RouteTarget, ...]
    valid: bool = True
    excluded: bool = False


class Router:
    """The active mappings. Only one thread at a time may use a router, because `match` updates the cache.

    The matches are cached by topic. Machines publish to the same topics again and again, so nearly every match is one
    dictionary look-up. When the cache is full, new topics are not cached. Matching such a topic takes some
    microseconds. After several misses per cached topic, the cache is cleared, because its topics are probably no longer
    published.

    An LRU cache would be worse. Suppose that a plant has slightly more topics than the cache can store, and publishes
    to all topics in turn. An LRU cache would then evict each topic before its next message.
    """

    def __init__(self, mappings: Iterable[Mapping]) -> None:
        """Create a router for these mappings."""
        self.mappings = tuple(mappings)
        self._root: dict[Any, Any] = {}
        for mapping in self.mappings:
            self._insert(mapping)
        self._order = {id(mapping): number for number, mapping in enumerate(self.mappings)}
        self._cache: dict[bytes, RouteMatch] = {}
        self._cache_budget = MAX_CACHED_BYTES
        self._cache_misses = 0

    def filters(self) -> dict[str, int]:
        """Return the MQTT topic filters to subscribe to, each with its QoS.

        No two filters match the same topic, so the broker sends each message once.
        """
        return covering_filters((mapping.pattern.filter, mapping.specification.qos) for mapping in self.mappings)

    def joined_filters(self) -> dict[str, dict[str, int]]:
        """Return the filters of the mappings, each with its QoS, grouped by the filter of `filters` that replaces them.

        If `+/+` replaces `a/+` and `+/b`, the result is `{"+/+": {"a/+": 1, "+/b": 0}}`.
        """
        return joined_filters((mapping.pattern.filter, mapping.specification.qos) for mapping in self.mappings)

    def match(self, topic: bytes) -> RouteMatch:
        """Return the mappings for a topic, in the order of `mappings`. `topic` is the topic as received, in bytes."""
        found = self._cache.get(topic)
        if found is None:
            found = self._look_up(topic)
            self._remember(topic, found)
        return found

    def _remember(self, topic: bytes, found: RouteMatch) -> None:
        """Cache a match if there is room (see `Router`)."""
        if len(topic) > MAX_CACHED_TOPIC_BYTES:
            return
        # The estimate counts characters and levels, so that the limit of the cache also holds for long topics.
        size = _MATCH_BYTES + _BYTES_PER_CHARACTER * len(topic)
        size += _BYTES_PER_LEVEL * max(0, topic.count(b"/") - _INCLUDED_LEVELS)
        # Cases:
        # 1. The cache has room: cache the topic.
        # 2. The cache is full and has had few misses: do not cache the topic.
        # 3. The cache is full and has had many misses: clear the cache, then cache the topic.
        if size > self._cache_budget:
            self._cache_misses += 1
            if self._cache_misses <= _MAX_MISSES_PER_TOPIC * len(self._cache):
                return
            self._cache.clear()
            self._cache_budget, self._cache_misses = MAX_CACHED_BYTES, 0
        self._cache_budget -= size
        self._cache[topic] = found

    def _insert(self, mapping: Mapping) -> None:
        """Add a mapping to the tree of topic levels.

        Each node is a dictionary from the text of a level to the node of the next level. A mapping is stored in the
        node of its last level, under the key `_END` or `_MULTI`.
        """
        node = self._root
        for level in mapping.pattern.levels:
            if level == REST:
                node.setdefault(_MULTI, []).append(mapping)
                return
            node = node.setdefault(level, {})
        node.setdefault(_END, []).append(mapping)

    def _look_up(self, topic: bytes) -> RouteMatch:
        """Return the mappings for a topic that is not in the cache."""
        try:
            text = topic.decode()
        except UnicodeDecodeError:
            return RouteMatch(topic.decode(errors="backslashreplace"), [], (), valid=False)
        if not text:
            # In MQTT 5, an empty topic refers to a topic alias. The bridge allows no aliases, so the topic is unknown.
            return RouteMatch(text, [], (), valid=False)
        levels = text.split("/")
        if len(topic) <= _MAX_INTERNED_TOPIC_BYTES:
            # Topics share most of their levels. Storing each level once saves about 0.2 KB per topic.
            levels = [intern(level) for level in levels]
        matching = self._found(levels)
        mappings = [mapping for mapping in matching if mapping.pattern.exception(levels) is None]
        # `_found` returns the mappings in no defined order. Sort them, so that the order of records does not depend on
        # the tree.
        if len(mappings) > 1:
            mappings.sort(key=lambda mapping: self._order[id(mapping)])
        targets = tuple([RouteTarget(mapping, mapping.pattern.captures(levels)) for mapping in mappings])
        return RouteMatch(text, levels, targets, excluded=bool(matching) and not mappings)

    def _found(self, levels: list[str]) -> list[Mapping]:
        """Return the mappings whose patterns match these levels, in no defined order."""
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
                # An invalid topic may contain the level "+". The branch above has then already appended the node of
                # "+". Appending the node again would return its mappings twice.
                if ONE in node and level != ONE:
                    below.append(node[ONE])
            nodes = below
        for node in nodes:
            found += node.get(_END, ())
            # MQTT 4.7.1.2: "a/#" also matches its parent level "a".
            found += node.get(_MULTI, ())
        return found
