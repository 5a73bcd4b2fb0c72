"""Subscription filters that do not overlap, so that a message that matches several mappings arrives once.

https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901241 (4.7, Topic Names and Topic Filters)
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING

from bridge.mapping.topics.pattern import ONE, REST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def covering_filters(filters: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return the filters of `joined_filters`, each with the highest QoS of its parts.

    The result is the finest set of non-overlapping filters that covers all given (filter, QoS) pairs. A broker may send
    a message once for each matching subscription (MQTT 5, 3.3.4). No two of these filters match the same topic, so a
    message arrives once. The narrowest filter that covers both replaces two overlapping filters, with the higher QoS:
    `a/+` and `+/b` become `+/+`. The result does not depend on the order of the pairs.
    """
    return {text: max(parts.values()) for text, parts in joined_filters(filters).items()}


def joined_filters(filters: Iterable[tuple[str, int]]) -> dict[str, dict[str, int]]:
    """Return each covering filter with the given filters that it joins (filter → QoS).

    A filter that joins no others has only itself.
    """
    wanted: dict[str, int] = {}
    for text, qos in filters:
        wanted[text] = max(qos, wanted.get(text, 0))
    disjoint = _Disjoint()
    for text, qos in wanted.items():
        disjoint.add(tuple(text.split("/")), {text: qos})
    found = {"/".join(levels): parts for levels, parts in disjoint.members.values()}
    return {text: found[text] for text in sorted(found)}


def _join(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """Return the narrowest filter that covers two overlapping filters.

    If they differ in length, one of them ends in #.
    """
    joined: list[str] = []
    for left, right in zip(one, other, strict=False):
        if REST in {left, right}:
            return (*joined, REST)
        joined.append(left if left == right else ONE)
    return tuple(joined) if len(one) == len(other) else (*joined, REST)


@dataclass(slots=True)
class _Disjoint:
    """A set of filters in which no two overlap.

    An integer represents a set of filters: bit n represents filter number n. A few ANDs therefore find all filters
    that overlap a new one, whatever wildcards they contain.

    - `members`: levels of each filter and the filters that it joins, by number; `active`: the set of these filters
    - `dollar`: filters whose first level begins with $
    - `literal[i, text]`: filters whose level i is this text; `single[i]`: those whose level i is +
    - `has_level[i]`: filters that have a level i, other than a final #
    - `exact[n]`: filters with n levels; `hash_ended[n]`: filters with n levels and a # after them
    - `count`: number of the next filter; numbers are not used again
    """

    members: dict[int, tuple[tuple[str, ...], dict[str, int]]] = field(default_factory=dict)
    active: int = 0
    dollar: int = 0
    literal: defaultdict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))
    single: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    has_level: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    exact: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    hash_ended: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    count: int = 0

    def add(self, levels: tuple[str, ...], parts: dict[str, int]) -> None:
        """Add a filter, joined with all filters that it overlaps."""
        # Repeat until no filter overlaps. The joined filter is wider than its parts, so it may overlap further filters.
        while hits := list(self._numbers(self._overlapping(levels))):
            removed = [self.members.pop(number) for number in hits]
            for number in hits:
                self.active &= ~(1 << number)
            for _, joined in removed:
                parts.update(joined)
            levels = reduce(_join, (each for each, _ in removed), levels)
        self._insert(levels, parts)

    def _insert(self, levels: tuple[str, ...], parts: dict[str, int]) -> None:
        """Insert a filter that overlaps no other filter of the set."""
        # Removed filters stay in the other sets. `active` excludes them, so a removal changes only one integer.
        bit = 1 << self.count
        self.members[self.count] = (levels, parts)
        self.count += 1
        self.active |= bit
        if levels[0].startswith("$"):
            self.dollar |= bit
        body = levels[:-1] if levels[-1] == REST else levels
        (self.exact if body is levels else self.hash_ended)[len(body)] |= bit
        for index, level in enumerate(body):
            self.has_level[index] |= bit
            if level == ONE:
                self.single[index] |= bit
            else:
                self.literal[index, level] |= bit

    def _overlapping(self, levels: tuple[str, ...]) -> int:
        """Return the set of filters that share at least one matching topic with this filter."""
        body = levels[:-1] if levels[-1] == REST else levels
        private = levels[0].startswith("$")
        found, ended = self.active, 0  # `ended`: filters whose # covers the current level and all after it
        # A leading wildcard does not match topics that begin with $ (4.7.2), so such filters share no topic.
        if levels[0] in {ONE, REST}:
            found &= ~self.dollar
        elif private:
            found &= self.dollar
        for index, level in enumerate(body):
            ended |= self.hash_ended[index]
            same = self.has_level[index] if level == ONE else self.literal[index, level] | self.single[index]
            found &= same | ended
        # Without a # at its end, the filter matches only topics of its own length. `a/#` matches `a` too (4.7.1.2).
        if body is levels:
            found &= self.exact[len(body)] | ended | self.hash_ended[len(body)]
        return found

    @staticmethod
    def _numbers(members: int) -> Iterator[int]:
        """Yield the filter numbers of a set: the indices of its bits, lowest first."""
        while members:
            lowest = members & -members
            yield lowest.bit_length() - 1
            members ^= lowest
