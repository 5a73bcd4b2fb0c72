"""Size limit of a batch: the records that a sender takes from a queue at once."""

from __future__ import annotations

from itertools import accumulate, takewhile
from typing import TYPE_CHECKING, Final

from bridge.model import MAX_PARTITION_KEY_CHARS, data_and_key_bytes

if TYPE_CHECKING:
    from bridge.model import Record

MAX_KEY_BYTES: Final = 4 * MAX_PARTITION_KEY_CHARS
"""Maximum size of a partition key in UTF-8: a character has at most four bytes."""


def first_within(records: list[Record], max_bytes: int, at_least: int) -> tuple[list[Record], int, int]:
    """Return the first records that fit in `max_bytes`, the bytes of their data, and the bytes of their keys.

    At least `at_least` records are returned, even if they exceed `max_bytes`.
    """
    data_bytes, key_bytes = data_and_key_bytes(records)
    # In the usual case, all records fit. Then the size of each record is not needed.
    if data_bytes + key_bytes <= max_bytes:
        return records, data_bytes, key_bytes
    sizes = accumulate(sum(data_and_key_bytes([record])) for record in records)
    fitting = records[: max(at_least, sum(1 for _ in takewhile(lambda size: size <= max_bytes, sizes)))]
    return fitting, *data_and_key_bytes(fitting)
