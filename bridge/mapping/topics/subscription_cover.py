"""Subscription filters for all mappings. No two filters overlap, so each message arrives only once.

The rules for topic filters are in section 4.7 of MQTT 5, "Topic Names and Topic Filters":
https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901241
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
    """Return filters, each with its QoS, that match all topics of the given filters.

    `filters` are pairs of filter and QoS. No two of the returned filters overlap. If two filters overlap, a broker may
    send a message twice, once for each subscription (MQTT 5, 3.3.4). So two overlapping filters are replaced by the
    narrowest filter that covers both of them, with the higher QoS: `a/+` and `+/b` become `+/+`. The result does not
    depend on the order of the pairs.
    """
    return {text: max(parts.values()) for text, parts in joined_filters(filters).items()}


def joined_filters(filters: Iterable[tuple[str, int]]) -> dict[str, dict[str, int]]:
    """Return the filters of `covering_filters`, each with the given filters that it replaces.

    For the filters `a/+`, `+/b` and `c`, the result is `{"+/+": {"a/+": 1, "+/b": 0}, "c": {"c": 1}}`. The numbers are
    the QoS. The filter `c` overlaps no other filter, so it replaces only itself.
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
    """Return the narrowest filter that covers two overlapping filters."""
    joined: list[str] = []
    for left, right in zip(one, other, strict=False):
        if REST in {left, right}:
            return (*joined, REST)
        joined.append(left if left == right else ONE)
    # Here, the filters have the same length, or one filter has an additional final #: `a` and `a/#`.
    return tuple(joined) if len(one) == len(other) else (*joined, REST)


@dataclass(slots=True)
class _Disjoint:
    """A set of filters in which no two overlap.

    Each filter has a number. Subsets of the filters are stored as integers, in which bit n stands for filter number n.
    Bitwise operations on these integers find all filters that overlap a new filter. This is faster than a comparison of
    the new filter with every other filter.

    - `members`: the levels of each filter and the given filters that it replaces, by the number of the filter
    - `active`: subset of the filters in `members`
    - `dollar`: subset of the filters whose first level begins with $
    - `literal[i, text]`: subset of the filters whose level i is this text
    - `single[i]`: subset of the filters whose level i is +
    - `has_level[i]`: subset of the filters that have a level i, not counting a final #
    - `exact[n]`: subset of the filters with n levels and without a final #
    - `hash_ended[n]`: subset of the filters with n levels and a final # after them
    - `count`: number of the next filter; the number of a removed filter is not used again
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
        """Add a filter. If the filter overlaps other filters, replace all of these by one filter that covers them."""
        # The joined filter is wider than the filters that it replaces, so it may overlap further filters. Repeat the
        # step until the joined filter overlaps no filter.
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
        # When a filter is removed, only its bit in `active` is cleared. `_overlapping` uses `active` to ignore the bits
        # of removed filters in the other integers.
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
        """Return the subset of the filters that overlap a filter with these levels."""
        body = levels[:-1] if levels[-1] == REST else levels
        private = levels[0].startswith("$")
        # `ended` is the subset of the filters whose final # matches the current level and all levels after it.
        found, ended = self.active, 0
        # A wildcard at the first level matches no topics that begin with $ (4.7.2), so it overlaps no filter with a $.
        if levels[0] in {ONE, REST}:
            found &= ~self.dollar
        elif private:
            found &= self.dollar
        for index, level in enumerate(body):
            ended |= self.hash_ended[index]
            same = self.has_level[index] if level == ONE else self.literal[index, level] | self.single[index]
            found &= same | ended
        # Without a final #, this filter matches only topics with its own number of levels. A filter that overlaps this
        # filter has the same number of levels, or a final #. `a/#` also matches `a` (4.7.1.2).
        if body is levels:
            found &= self.exact[len(body)] | ended | self.hash_ended[len(body)]
        return found

    @staticmethod
    def _numbers(members: int) -> Iterator[int]:
        """Yield the numbers of the filters in a subset, which are the indices of its bits, lowest first."""
        while members:
            lowest = members & -members
            yield lowest.bit_length() - 1
            members ^= lowest
