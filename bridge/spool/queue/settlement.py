"""Settled records that wait for the next commit.

They are stored without their data, because many records may wait for a slow disk.
"""

from __future__ import annotations

from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.model import Record

# Accessors of a record's `number` and `mapping` by index: twice as fast as by name.
_number_of, _mapping_of = itemgetter(0), itemgetter(1)


class Settlement(NamedTuple):
    """Outcomes of a batch of records, with the data of the rejected records only.

    `delivered` holds record numbers, `mappings` (mapping, count) of the delivered ones, and `rejected` (record, code,
    detail) for the dead letters.
    """

    delivered: list[int]
    mappings: Iterable[tuple[int, int]]
    rejected: list[tuple[Record, str, str]]

    @classmethod
    def of(cls, delivered: Sequence[Record], rejected: list[tuple[Record, str, str]]) -> Settlement:
        """Return the settlement of these records.

        It does not refer to the delivered ones, so that their data can be freed.
        """
        return cls([*map(_number_of, delivered)], by_mapping(delivered), rejected)


def by_mapping(records: Sequence[Record]) -> Iterable[tuple[int, int]]:
    """Return (mapping, count) pairs of the records.

    Most queues belong to one mapping, so a set is tried first: it needs half the time of a Counter.
    """
    mappings = set(map(_mapping_of, records))
    return [(mappings.pop(), len(records))] if len(mappings) == 1 else Counter(map(_mapping_of, records)).items()
