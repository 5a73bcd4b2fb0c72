"""Outcome of one PutRecords request. Each record has its own result."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple, cast

from bridge.aws.error_codes import ErrorAction, record_error_rule
from bridge.kinesis.packing.kpl_aggregation import MAGIC, is_aggregate
from bridge.kinesis.packing.packers import PackedRecord
from bridge.kinesis.put_records_codec import RecordAccepted
from bridge.model import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.kinesis.put_records_codec import RecordFailed, Result


PAYLOADS_PER_LOOK = 10
"""One plain payload of this many is checked for being an aggregated record: where one occurs, many do."""

# The `shard_id` of a `RecordAccepted` by its index: twice as fast as by name.
_shard_of = itemgetter(1)

Rejected = tuple["Record", str, str]
"""A record, the code of its dead letter, and the reason."""


class Settled(NamedTuple):
    """Records that leave the queue: delivered, or rejected to the dead letters."""

    delivered: list[Record]
    rejected: list[Rejected]


@dataclass(slots=True)
class BatchOutcome:
    """Records of one request, sorted by their outcome. `last` is the last failure of the records in `again`.

    For packed records, `failed` contains those whose records are all in `again`, and `halve` those that can never be
    accepted. `misplaced` contains aggregated records that a different shard accepted than predicted, each with the id
    of that shard; `ShardKnowledge.judge` decides whether consumers keep them. Plain records and packed lines are never
    misplaced, because no consumer compares their keys with the range of the shard.
    """

    delivered: list[Record] = field(default_factory=list)
    rejected: list[tuple[Record, str, str]] = field(default_factory=list)
    again: list[Record] = field(default_factory=list)
    throttled: int = 0
    last: RecordFailed | None = None
    failed: list[tuple[Record | PackedRecord, bool]] = field(default_factory=list)
    """Each record that failed, and whether it was throttled."""
    misplaced: list[tuple[PackedRecord, str]] = field(default_factory=list)
    halve: list[PackedRecord] = field(default_factory=list)
    shards: set[str] = field(default_factory=set)
    """Ids of the shards that accepted something."""

    unprotected: int = 0
    """Number of checked and delivered records whose payload is itself an aggregated record: see `AggregatePayloads`."""


def sort_results(entries: Sequence[Record | PackedRecord], results: Sequence[Result]) -> BatchOutcome:
    """Sort the records of a request by their results. There is one result for each record, in the same order."""
    outcome = BatchOutcome()
    if (
        len(entries) == len(results)
        # Types are compared as sets: one C call per list, instead of a test for each record.
        and set(map(type, entries)) == {Record}
        and set(map(type, results)) == {RecordAccepted}
    ):
        _sort_accepted(outcome, cast("Sequence[Record]", entries), cast("Sequence[RecordAccepted]", results))
        return outcome
    for entry, result in zip(entries, results, strict=True):
        if not isinstance(result, RecordAccepted):
            _sort_failure(outcome, entry, result)
            continue
        outcome.shards.add(result.shard_id)
        if not isinstance(entry, PackedRecord):
            outcome.delivered.append(entry)
            if entry.data.startswith(MAGIC):
                outcome.unprotected += is_aggregate(entry.data)
        # Consumers compare only records with KPL's magic number with the range of the shard.
        elif not entry.data.startswith(MAGIC) or (entry.shard is not None and entry.shard.id == result.shard_id):
            outcome.delivered += entry.records
        else:
            outcome.misplaced.append((entry, result.shard_id))
    return outcome


def _sort_accepted(outcome: BatchOutcome, records: Sequence[Record], results: Sequence[RecordAccepted]) -> None:
    """Sort plain records that were all accepted.

    This is the usual case, and takes a third of the time of the general case.
    """
    outcome.delivered += records
    outcome.shards.update(map(_shard_of, results))
    # The payloads are no longer in the processor's caches, so checking all of them would cost 1 % of the CPU time per
    # record.
    outcome.unprotected += sum([is_aggregate(record.data) for record in records[::PAYLOADS_PER_LOOK]])


def _sort_failure(outcome: BatchOutcome, entry: Record | PackedRecord, failed: RecordFailed) -> None:
    """Sort a record that was not accepted."""
    rule = record_error_rule(failed.code)
    records = entry.records if isinstance(entry, PackedRecord) else (entry,)
    if rule.action is ErrorAction.INVALID:
        # If the packed record contains several records, one of them is invalid, so it is halved. A single record is
        # rejected.
        if isinstance(entry, PackedRecord) and len(records) > 1:
            outcome.halve.append(entry)
        else:
            outcome.rejected.append((records[0], "invalid", f"{failed.code}: {failed.message}"))
        return
    outcome.again += records
    outcome.failed.append((entry, rule.throttled))
    outcome.throttled += rule.throttled
    outcome.last = failed
