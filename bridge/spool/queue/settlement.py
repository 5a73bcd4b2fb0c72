"""Settled records that wait for the next commit. Kinesis has accepted these records, or they become dead letters.

Only the numbers of accepted records are stored, and not their data, because many records may wait for a slow disk.
"""

from __future__ import annotations

from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.model import Record

# Functions that read a record's `number` and `mapping` by index, which is twice as fast as by name.
_number_of, _mapping_of = itemgetter(0), itemgetter(1)


class Settlement(NamedTuple):
    """Outcomes of a batch of records. Only rejected records are stored with their data.

    `delivered` contains the numbers of the delivered records. `mappings` contains their count per mapping, as pairs
    (mapping, count). `rejected` contains (record, code, detail) for each record that becomes a dead letter.
    """

    delivered: list[int]
    mappings: Iterable[tuple[int, int]]
    rejected: list[tuple[Record, str, str]]

    @classmethod
    def of(cls, delivered: Sequence[Record], rejected: list[tuple[Record, str, str]]) -> Settlement:
        """Return the settlement of these records.

        The result contains no reference to the delivered records, so that their memory can be freed.
        """
        return cls([*map(_number_of, delivered)], by_mapping(delivered), rejected)


def by_mapping(records: Sequence[Record]) -> Iterable[tuple[int, int]]:
    """Return the number of records per mapping, as pairs (mapping, count)."""
    # Usually, all records belong to one mapping. A set finds this out in half the time of a Counter.
    mappings = set(map(_mapping_of, records))
    return [(mappings.pop(), len(records))] if len(mappings) == 1 else Counter(map(_mapping_of, records)).items()
