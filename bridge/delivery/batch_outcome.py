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


PAYLOADS_PER_CHECK = 10
"""One plain payload in 10 is checked for being an aggregated record. A device that sends such payloads sends many."""

# `itemgetter(1)` returns the `shard_id` of a `RecordAccepted`, and is twice as fast as access by name.
_shard_of = itemgetter(1)

Rejected = tuple["Record", str, str]
"""(record, code of its dead letter, reason in words)."""


class Settled(NamedTuple):
    """Records that leave the queue. Rejected records become dead letters."""

    delivered: list[Record]
    rejected: list[Rejected]


@dataclass(slots=True)
class BatchOutcome:
    """Records of one request, sorted by their outcome.

    `retry` contains the records that must be sent again. `last_failure` is the last error of these records. `to_split`
    contains packed records that Kinesis can never accept. They are split in order to find the invalid record.

    `misplaced` contains aggregated records that an unexpected shard accepted, each with the id of this shard.
    `ShardKnowledge.judge` decides whether consumers keep or discard them. Plain records and packed lines are never
    misplaced, because no consumer compares their keys with the key range of the shard.
    """

    delivered: list[Record] = field(default_factory=list)
    rejected: list[tuple[Record, str, str]] = field(default_factory=list)
    retry: list[Record] = field(default_factory=list)
    throttled: int = 0
    last_failure: RecordFailed | None = None
    failed: list[tuple[Record | PackedRecord, bool]] = field(default_factory=list)
    """(Kinesis record that must be sent again, whether a shard throttled it)."""
    misplaced: list[tuple[PackedRecord, str]] = field(default_factory=list)
    to_split: list[PackedRecord] = field(default_factory=list)
    shards: set[str] = field(default_factory=set)
    """Ids of the shards that accepted at least one record."""

    unprotected: int = 0
    """Number of delivered records whose payload is itself an aggregated record: see `AggregatePayloads`."""


def sort_results(entries: Sequence[Record | PackedRecord], results: Sequence[Result]) -> BatchOutcome:
    """Sort the records of a request by their results. `results` has one result for each entry, in the same order."""
    outcome = BatchOutcome()
    if (
        len(entries) == len(results)
        # Comparing the sets of types is faster than testing each record, because it runs in C.
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
        # Consumers check the shard only for records that begin with the magic number of the KPL format.
        elif not entry.data.startswith(MAGIC) or (entry.shard is not None and entry.shard.id == result.shard_id):
            outcome.delivered += entry.records
        else:
            outcome.misplaced.append((entry, result.shard_id))
    return outcome


def _sort_accepted(outcome: BatchOutcome, records: Sequence[Record], results: Sequence[RecordAccepted]) -> None:
    """Sort plain records that were all accepted. This is the usual case, so it has a separate, faster function."""
    outcome.delivered += records
    outcome.shards.update(map(_shard_of, results))
    # Checking every payload would cost 1 % of the CPU time per record, because payloads are no longer in CPU caches.
    outcome.unprotected += sum([is_aggregate(record.data) for record in records[::PAYLOADS_PER_CHECK]])


def _sort_failure(outcome: BatchOutcome, entry: Record | PackedRecord, failed: RecordFailed) -> None:
    """Sort a record that was not accepted."""
    rule = record_error_rule(failed.code)
    records = entry.records if isinstance(entry, PackedRecord) else (entry,)
    if rule.action is ErrorAction.INVALID:
        # If a packed record contains several records, at least one of them is invalid. Splitting the packed record
        # finds the invalid record. An invalid record that is alone is rejected.
        if isinstance(entry, PackedRecord) and len(records) > 1:
            outcome.to_split.append(entry)
        else:
            outcome.rejected.append((records[0], "invalid", f"{failed.code}: {failed.message}"))
        return
    outcome.retry += records
    outcome.failed.append((entry, rule.throttled))
    outcome.throttled += rule.throttled
    outcome.last_failure = failed
