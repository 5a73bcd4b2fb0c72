"""MQTT topics: patterns with captures, and the smallest set of filters to subscribe to.

A pattern is an MQTT topic filter in which a wildcard may carry a name:

    {name}      one level, as +                       factory/{site}/telemetry
    {name...}   all levels that are left, as #        factory/{rest...}

https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901241 (4.7, Topic Names and Topic Filters)
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MAX_TOPIC_BYTES = 65_535
"""UTF-8 bytes (1.5.4, UTF-8 Encoded String)."""

ONE = "+"
REST = "#"
_CAPTURE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(\.\.\.)?\}")


class TopicError(ValueError):
    """Not a topic filter, and why."""


class _Level(NamedTuple):
    """One level of a pattern: its place in the filter, and the name it is captured by, if any."""

    filter: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class TopicPattern:
    """A mapping's `topic`. `filter` is what the broker is asked for; `levels` are the filter's."""

    text: str
    filter: str
    levels: tuple[str, ...]
    names: tuple[tuple[str, int], ...] = ()
    rest_name: str | None = None

    @classmethod
    def parse(cls, text: str) -> TopicPattern:
        """Read a pattern; raises TopicError."""
        check_topic(text)
        parts = text.split("/")
        if parts[0] in {"$share", "$queue"}:
            raise TopicError(f"'{parts[0]}/' does not belong here: set `mqtt.share` to share a subscription")
        levels = [_level(part, last=number == len(parts)) for number, part in enumerate(parts, 1)]
        names = tuple((level.name, index) for index, level in enumerate(levels) if level.name is not None)
        _check_unique([name for name, _ in names])
        rest = levels[-1].name if levels[-1].filter == REST else None
        filters = tuple(level.filter for level in levels)
        return cls(text, "/".join(filters), filters, names if rest is None else names[:-1], rest)

    def match(self, topic: str) -> dict[str, str] | None:
        """Give the captures if the topic matches, else None."""
        levels = topic.split("/")
        return self.captures(levels) if mismatch(self.levels, levels) is None else None

    def captures(self, levels: Sequence[str]) -> dict[str, str]:
        """Give the captures from the levels of a topic that is known to match."""
        found = {name: levels[index] for name, index in self.names}
        if self.rest_name is not None:
            found[self.rest_name] = "/".join(levels[len(self.levels) - 1 :])
        return found


def check_topic(text: str) -> None:
    """Raise TopicError unless this can be a topic or a filter on the wire."""
    if not text:
        raise TopicError("is empty")
    if "\0" in text:
        raise TopicError("holds the character U+0000, which MQTT forbids")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise TopicError("holds half of a surrogate pair, which MQTT forbids") from None
    if size > MAX_TOPIC_BYTES:
        raise TopicError(f"is {size} bytes long; MQTT allows {MAX_TOPIC_BYTES}")


def check_topic_name(text: str) -> None:
    """Raise TopicError unless a message can be published to this topic."""
    check_topic(text)
    if ONE in text or REST in text:
        raise TopicError("a message's topic has no wildcards")


def mismatch(filter_levels: Sequence[str], levels: Sequence[str]) -> int | None:
    """Give the place (from 0) of the first level that keeps the topic from matching, or None if it matches."""
    if levels[0].startswith("$") and filter_levels[0] in {ONE, REST}:
        return 0  # 4.7.2: wildcards in front never match topics of the broker's own, such as $SYS
    for index, wanted in enumerate(filter_levels):
        if wanted == REST:
            return None
        if index == len(levels) or wanted not in {ONE, levels[index]}:
            return index
    return None if len(levels) == len(filter_levels) else len(filter_levels)


def _level(part: str, *, last: bool) -> _Level:
    capture = _CAPTURE.fullmatch(part)
    if capture is not None:
        level = _Level(REST if capture[2] else ONE, capture[1])
    elif "{" in part or "}" in part:
        raise TopicError(
            f"the level '{part}' is not a capture: write {{name}} or {{name...}}, alone in its level; "
            "a name is letters, digits and _, and starts with no digit",
        )
    elif part not in {ONE, REST} and (ONE in part or REST in part):
        raise TopicError(f"the level '{part}' mixes a wildcard with text: + and # stand alone in their level")
    else:
        level = _Level(part)
    if level.filter == REST and not last:
        raise TopicError(f"'{part}' takes all levels that are left, so it must be the last level")
    return level


def _check_unique(names: Sequence[str]) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise TopicError(f"captures '{name}' twice")


def covering(filters: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Give the finest set of filters that do not overlap and receive all that the given (filter, QoS) pairs do.

    A broker may send a message once per subscription that matches it (3.3.4). Since no two of these filters match the
    same topic, a message arrives once. Filters that overlap are replaced by the narrowest filter above both, with the
    higher QoS: `a/+` and `+/b` become `+/+`. The result depends on nothing but the set, not on its order.
    """
    wanted: dict[str, int] = {}
    for text, qos in filters:
        wanted[text] = max(qos, wanted.get(text, 0))
    disjoint = _Disjoint()
    for text, qos in wanted.items():
        disjoint.add(tuple(text.split("/")), qos)
    return dict(sorted(("/".join(levels), qos) for levels, qos in disjoint.members.values()))


def _join(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """Give the narrowest filter above two that overlap. If they differ in length, one of them ends in #."""
    joined: list[str] = []
    for left, right in zip(one, other, strict=False):
        if REST in {left, right}:
            return (*joined, REST)
        joined.append(left if left == right else ONE)
    return tuple(joined) if len(one) == len(other) else (*joined, REST)


@dataclass(slots=True)
class _Disjoint:
    """Filters of which no two overlap.

    Sets of filters are the bits of integers, so that all filters overlapping a new one are found with a few ANDs,
    whatever wildcards they hold. `literal[i, text]`, `single[i]` and `deep[i]` are those whose level i is this text,
    is +, or is there at all; `exact[n]` and `ending[n]` those with n levels, without and with a # after them.
    """

    members: dict[int, tuple[tuple[str, ...], int]] = field(default_factory=dict)
    alive: int = 0
    private: int = 0
    literal: defaultdict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))
    single: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    deep: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    exact: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    ending: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    count: int = 0

    def add(self, levels: tuple[str, ...], qos: int) -> None:
        """Add a filter, joined with all those that it or their joint filter overlaps."""
        while hits := list(self._numbers(self._overlapping(levels))):
            removed = [self.members.pop(number) for number in hits]
            for number in hits:
                self.alive &= ~(1 << number)
            qos = max(qos, *(each for _, each in removed))
            levels = reduce(_join, (each for each, _ in removed), levels)
        self._insert(levels, qos)

    def _insert(self, levels: tuple[str, ...], qos: int) -> None:
        bit = 1 << self.count
        self.members[self.count] = (levels, qos)
        self.count += 1
        self.alive |= bit
        if levels[0].startswith("$"):
            self.private |= bit
        body = levels[:-1] if levels[-1] == REST else levels
        (self.exact if body is levels else self.ending)[len(body)] |= bit
        for index, level in enumerate(body):
            self.deep[index] |= bit
            if level == ONE:
                self.single[index] |= bit
            else:
                self.literal[index, level] |= bit

    def _overlapping(self, levels: tuple[str, ...]) -> int:
        """Give the set of filters that match some topic which this one matches too."""
        body = levels[:-1] if levels[-1] == REST else levels
        private = levels[0].startswith("$")
        found, ended = self.alive, 0
        if levels[0] in {ONE, REST}:
            found &= ~self.private
        elif private:
            found &= self.private
        for index, level in enumerate(body):
            ended |= self.ending[index]
            same = self.deep[index] if level == ONE else self.literal[index, level] | self.single[index]
            found &= same | ended
        if body is levels:
            found &= self.exact[len(body)] | ended | self.ending[len(body)]
        return found

    @staticmethod
    def _numbers(members: int) -> Iterator[int]:
        while members:
            lowest = members & -members
            yield lowest.bit_length() - 1
            members ^= lowest
