"""One response sorted: what was delivered, what can never be, what is sent again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.kinesis.faults import Treatment, record_fault
from bridge.kinesis.wire import Accepted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.kinesis.wire import Failed, Result
    from bridge.model import Record


@dataclass(slots=True)
class Sorted:
    """The records of one request by what becomes of each. `last` is the last failure among those `again`."""

    delivered: list[Record] = field(default_factory=list)
    rejected: list[tuple[Record, str, str]] = field(default_factory=list)
    again: list[Record] = field(default_factory=list)
    throttled: int = 0
    last: Failed | None = None


def sort_results(records: Sequence[Record], results: Sequence[Result]) -> Sorted:
    """Each record by its own result; the two sequences are of one length and in one order."""
    sorted_ = Sorted()
    for record, result in zip(records, results, strict=True):
        if isinstance(result, Accepted):
            sorted_.delivered.append(record)
        else:
            _sort_failure(sorted_, record, result)
    return sorted_


def _sort_failure(sorted_: Sorted, record: Record, failed: Failed) -> None:
    fault = record_fault(failed.code)
    if fault.treatment is Treatment.INVALID:
        sorted_.rejected.append((record, "invalid", f"{failed.code}: {failed.message}"))
        return
    sorted_.again.append(record)
    sorted_.throttled += fault.throttled
    sorted_.last = failed
