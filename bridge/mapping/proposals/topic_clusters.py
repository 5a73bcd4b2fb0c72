"""Clusters of topics that get a common pattern: levels that vary become captures, and constant levels stay words.

Two values of a level are similar if they differ only in their digits (line3, line4). Two values are also similar if the
topics below them share a level (pdx/.../telemetry, muc/.../telemetry). Topics with similar values form a cluster.

Every topic must match only the pattern of its own cluster. If a pattern would also match topics of another cluster, the
level that distinguishes the two clusters does not become a capture. Instead, the cluster is split into one part for
each value of this level.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.mapping.topics.pattern import TopicError, TopicPattern, check_topic_name

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

_DIGITS: Final = re.compile(r"[0-9]+")
# Matches a level that is probably an identifier: a hexadecimal number, UUID, MAC address, number, word with a number.
_IDENTIFIER: Final = re.compile(r"[0-9a-fA-F]{12,}|[0-9a-fA-F-]{36}|[0-9a-fA-F:]{17}|[^0-9]{2,}[0-9]+|[0-9]+")
# Minimum number of different words that make the first level a capture. Fewer words are probably names of systems.
_LEAST_FIRST_WORDS: Final = 4
MAX_LEVELS: Final = 100
"""Maximum number of levels of a topic in a cluster.

MQTT permits 32,768 levels. The recursion of `_clusters` has one call per level, and its time grows with the square of
the number of levels.
"""

Topic = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TopicCluster:
    """Topics with a common pattern. `captured` has one boolean per level: whether the level is a capture."""

    topics: tuple[Topic, ...]
    captured: tuple[bool, ...]

    @property
    def writable(self) -> bool:
        """False if a constant level contains { or }, which a pattern cannot contain.

        A wildcard instead of this level would also match other topics.
        """
        return not any(
            _unwritable(topic[at]) for at, free in enumerate(self.captured) if not free for topic in self.topics
        )

    def matches(self, topic: Topic) -> bool:
        """Return whether the pattern of the cluster matches a topic."""
        if len(topic) != len(self.captured) or (topic[0].startswith("$") and self.captured[0]):
            return False
        one = self.topics[0]
        return all(free or topic[at] == one[at] for at, free in enumerate(self.captured))


def unmatchable_reason(topic: str) -> str:
    """Return "" if a pattern can match this topic. Otherwise, return the reason why it cannot."""
    if topic.count("/") >= MAX_LEVELS:
        return f"it has more than {MAX_LEVELS} levels"
    try:
        check_topic_name(topic)
        TopicPattern.parse("/".join("+" if _unwritable(level) else level for level in topic.split("/")))
    except TopicError as error:
        return str(error)
    return (
        ""
        if not (topic.startswith("$") and _unwritable(topic.split("/", maxsplit=1)[0]))
        else "its first level holds { or }"
    )


def topic_clusters(topics: dict[Topic, Hashable]) -> Iterator[TopicCluster]:
    """Yield clusters of topics.

    The values of `topics` are the payload kinds of the topics. All topics of a cluster have the same kind.
    """
    groups: dict[Hashable, list[Topic]] = defaultdict(list)
    for topic, kind in topics.items():
        # A wildcard at the first level does not match topics that begin with $ (MQTT 5, 4.7.2). So these topics never
        # share a pattern with other topics.
        groups[kind, len(topic), topic[0].startswith("$")].append(topic)
    by_length: dict[int, list[Topic]] = defaultdict(list)
    for topic in topics:
        by_length[len(topic)].append(topic)
    for group in groups.values():
        for cluster in _clusters(sorted(group), 0):
            yield from _disjoint_clusters(_shape(cluster), by_length[len(cluster[0])])


def _shape(topics: Sequence[Topic]) -> TopicCluster:
    """Return the cluster of these topics.

    A level becomes a capture if its values differ, if it contains { or }, or if it looks like an identifier.
    """
    captured = tuple(
        len({topic[at] for topic in topics}) > 1
        or _unwritable(topics[0][at])
        or (at > 0 and _IDENTIFIER.fullmatch(topics[0][at]) is not None)
        for at in range(len(topics[0]))
    )
    return TopicCluster(tuple(topics), captured)


def _unwritable(level: str) -> bool:
    """Return whether a level contains { or }, which a pattern can contain only in a capture."""
    return "{" in level or "}" in level


def _clusters(topics: Sequence[Topic], at: int) -> Iterator[list[Topic]]:
    """Yield groups of topics that have similar values at the level `at` and at all levels below."""
    if at == len(topics[0]):
        yield list(topics)
        return
    by_value: dict[str, list[Topic]] = defaultdict(list)
    for topic in topics:
        by_value[topic[at]].append(topic)
    for values in _alike(by_value, at):
        yield from _clusters([topic for value in values for topic in by_value[value]], at + 1)


def _alike(by_value: dict[str, list[Topic]], at: int) -> Iterable[list[str]]:
    """Return groups of similar values. The keys of `by_value` are the values of the level `at`.

    The algorithm is union-find: values that share a property are united.
    """
    owner = {value: value for value in by_value}

    def root(value: str) -> str:
        while owner[value] != value:
            owner[value] = value = owner[owner[value]]
        return value

    seen: dict[Hashable, str] = {}
    words = at > 0 or len(by_value) >= _LEAST_FIRST_WORDS or by_value.keys() == {""}
    for value, topics in by_value.items():
        # Values that share one of these properties are similar:
        # 1. The value with its digits masked: line3 and line4 share `line#`.
        # 2. A level below the value, with its position and masked digits.
        # 3. At the last level, all values share a property.
        # If the first level has only a few words, the words are probably the names of systems. For such a level, use
        # only property 1, so that different systems get different mappings.
        properties: set[Hashable] = {_masked(value)}
        if words:
            properties |= {(place, _masked(topic[place])) for topic in topics for place in range(at + 1, len(topic))}
            if at == len(topics[0]) - 1:
                properties.add("last")
        for each in properties:
            owner[root(value)] = root(seen.setdefault(each, value))
    sets: dict[str, list[str]] = defaultdict(list)
    for value in by_value:
        sets[root(value)].append(value)
    return sets.values()


def _masked(level: str) -> str:
    return _DIGITS.sub("#", level)


def _disjoint_clusters(shape: TopicCluster, others: Sequence[Topic]) -> Iterator[TopicCluster]:
    """Yield the cluster if its pattern matches no topic of another cluster. Otherwise, yield parts of the cluster."""
    own = set(shape.topics)
    taken = [topic for topic in others if topic not in own and shape.matches(topic)]
    if not taken:
        yield shape
        return
    at = _most_selective_level(shape, taken)
    by_value: dict[str, list[Topic]] = defaultdict(list)
    for topic in shape.topics:
        by_value[topic[at]].append(topic)
    # The level `at` is now a constant word. Each call makes one more level constant, so the recursion ends.
    captured = tuple(free and place != at for place, free in enumerate(shape.captured))
    for topics in by_value.values():
        yield from _disjoint_clusters(TopicCluster(tuple(topics), captured), taken)


def _most_selective_level(shape: TopicCluster, taken: Sequence[Topic]) -> int:
    """Return the captured level that best distinguishes the cluster from the other topics.

    This is the level whose values occur least often in the other topics. Of several such levels, the level with the
    fewest values is best, because it splits the cluster into the fewest parts.
    """

    def cost(at: int) -> tuple[bool, int, int, int]:
        mine, theirs = {topic[at] for topic in shape.topics}, [topic[at] for topic in taken]
        return any(map(_unwritable, mine)), sum(value in mine for value in theirs), len(mine), -at

    return min((at for at, free in enumerate(shape.captured) if free), key=cost)
