"""What a sender is done with, until it is written: small, since a slow disk may let much of it come together."""

from __future__ import annotations

from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.model import Record

_number_of, _mapping_of = itemgetter(0), itemgetter(1)
"""A record's `number` and `mapping`, by their places: twice as fast as by their names."""


class Settlement(NamedTuple):
    """`delivered` are numbers, `mappings` how many of them are of each mapping; (record, code, detail) of the
    `rejected` is for the dead letters."""

    delivered: list[int]
    mappings: Iterable[tuple[int, int]]
    rejected: list[tuple[Record, str, str]]

    @classmethod
    def of(cls, delivered: Sequence[Record], rejected: list[tuple[Record, str, str]]) -> Settlement:
        """Without the records that are delivered: their data is not needed any more."""
        return cls([*map(_number_of, delivered)], by_mapping(delivered), rejected)


def by_mapping(records: Sequence[Record]) -> Iterable[tuple[int, int]]:
    """How many there are of each. Most queues belong to one mapping, and a set is made in half the time of a count."""
    mappings = set(map(_mapping_of, records))
    return [(mappings.pop(), len(records))] if len(mappings) == 1 else Counter(map(_mapping_of, records)).items()
