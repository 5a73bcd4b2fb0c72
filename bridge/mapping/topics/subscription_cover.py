"""The filters to subscribe to, so that a message that several mappings want arrives once.

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
    active: int = 0
    dollar: int = 0
    literal: defaultdict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))
    single: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    has_level: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    exact: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    hash_ended: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    count: int = 0

    def add(self, levels: tuple[str, ...], qos: int) -> None:
        """Add a filter, joined with all those that it or their joint filter overlaps."""
        while hits := list(self._numbers(self._overlapping(levels))):
            removed = [self.members.pop(number) for number in hits]
            for number in hits:
                self.active &= ~(1 << number)
            qos = max(qos, *(each for _, each in removed))
            levels = reduce(_join, (each for each, _ in removed), levels)
        self._insert(levels, qos)

    def _insert(self, levels: tuple[str, ...], qos: int) -> None:
        bit = 1 << self.count
        self.members[self.count] = (levels, qos)
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
        """Give the set of filters that match some topic which this one matches too."""
        body = levels[:-1] if levels[-1] == REST else levels
        private = levels[0].startswith("$")
        found, ended = self.active, 0
        if levels[0] in {ONE, REST}:
            found &= ~self.dollar
        elif private:
            found &= self.dollar
        for index, level in enumerate(body):
            ended |= self.hash_ended[index]
            same = self.has_level[index] if level == ONE else self.literal[index, level] | self.single[index]
            found &= same | ended
        if body is levels:
            found &= self.exact[len(body)] | ended | self.hash_ended[len(body)]
        return found

    @staticmethod
    def _numbers(members: int) -> Iterator[int]:
        while members:
            lowest = members & -members
            yield lowest.bit_length() - 1
            members ^= lowest
