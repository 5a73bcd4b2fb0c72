"""One response sorted: what was delivered, what can never be, what is sent again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.aws.error_codes import Treatment, record_fault
from bridge.kinesis.packing.kpl_aggregation import MAGIC
from bridge.kinesis.packing.packers import Packed
from bridge.kinesis.put_records_codec import Accepted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.kinesis.put_records_codec import Failed, Result
    from bridge.model import Record


@dataclass(slots=True)
class Sorted:
    """One request by what becomes of its records. `last` is the last failure among those `again`.

    Of packed records: `failed` are those whose records are `again` in whole; `mislanded` those that Kinesis stored,
    each with the shard it named, which is not the one it was aggregated for; `halve` those that can never be accepted.
    """

    delivered: list[Record] = field(default_factory=list)
    rejected: list[tuple[Record, str, str]] = field(default_factory=list)
    again: list[Record] = field(default_factory=list)
    throttled: int = 0
    last: Failed | None = None
    failed: list[tuple[Record | Packed, bool]] = field(default_factory=list)
    """Each that failed, and whether it was throttled."""
    mislanded: list[tuple[Packed, str]] = field(default_factory=list)
    halve: list[Packed] = field(default_factory=list)
    shards: set[str] = field(default_factory=set)
    """Those that took something."""


def sort_results(entries: Sequence[Record | Packed], results: Sequence[Result]) -> Sorted:
    """Each record by its own result; the two sequences are of one length and in one order."""
    sorted_ = Sorted()
    for entry, result in zip(entries, results, strict=True):
        if not isinstance(result, Accepted):
            _sort_failure(sorted_, entry, result)
            continue
        sorted_.shards.add(result.shard_id)
        if not isinstance(entry, Packed):
            sorted_.delivered.append(entry)
        elif entry.shard is None or entry.shard.id == result.shard_id or not entry.data.startswith(MAGIC):
            sorted_.delivered += entry.records
        else:
            sorted_.mislanded.append((entry, result.shard_id))
    return sorted_


def _sort_failure(sorted_: Sorted, entry: Record | Packed, failed: Failed) -> None:
    fault = record_fault(failed.code)
    records = entry.records if isinstance(entry, Packed) else (entry,)
    if fault.treatment is Treatment.INVALID:
        if isinstance(entry, Packed) and len(records) > 1:
            sorted_.halve.append(entry)
        else:
            sorted_.rejected.append((records[0], "invalid", f"{failed.code}: {failed.message}"))
        return
    sorted_.again += records
    sorted_.failed.append((entry, fault.throttled))
    sorted_.throttled += fault.throttled
    sorted_.last = failed
