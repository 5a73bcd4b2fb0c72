"""Outcome of one PutRecords request: each record by its own result."""

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
"""Number of plain payloads of which one is checked for being an aggregated record: a forwarder sends many of them."""

_shard_of = itemgetter(1)
"""The `shard_id` of a `RecordAccepted` by its index: twice as fast as by name."""

Rejected = tuple["Record", str, str]
"""A record, the code of its dead letter, and the reason."""


class Settled(NamedTuple):
    """Records that leave the queue: delivered, or rejected to the dead letters."""

    delivered: list[Record]
    rejected: list[Rejected]


@dataclass(slots=True)
class BatchOutcome:
    """Records of one request by what becomes of them. `last` is the last failure among those `again`.

    Packed records: `failed` are those whose records are all in `again`; `halve` those that can never be accepted;
    `misplaced`: aggregated records that another shard accepted than the predicted one, each with the id of that shard.
    `ShardKnowledge.judge` knows whether consumers keep them. Records that stand alone and packed lines are never
    misplaced, since no consumer compares their keys with the range of the shard.
    """

    delivered: list[Record] = field(default_factory=list)
    rejected: list[tuple[Record, str, str]] = field(default_factory=list)
    again: list[Record] = field(default_factory=list)
    throttled: int = 0
    last: RecordFailed | None = None
    failed: list[tuple[Record | PackedRecord, bool]] = field(default_factory=list)
    """Each that failed, and whether it was throttled."""
    misplaced: list[tuple[PackedRecord, str]] = field(default_factory=list)
    halve: list[PackedRecord] = field(default_factory=list)
    shards: set[str] = field(default_factory=set)
    """Ids of the shards that accepted something."""

    unprotected: int = 0
    """Delivered records whose payload is itself an aggregated record, of those checked: see `AggregatePayloads`."""


def sort_results(entries: Sequence[Record | PackedRecord], results: Sequence[Result]) -> BatchOutcome:
    """Return the records of a request by their results, which are as many, and in the same order."""
    outcome = BatchOutcome()
    if (
        len(entries) == len(results)
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
        elif not entry.data.startswith(MAGIC) or (entry.shard is not None and entry.shard.id == result.shard_id):
            outcome.delivered += entry.records
        else:
            outcome.misplaced.append((entry, result.shard_id))
    return outcome


def _sort_accepted(outcome: BatchOutcome, records: Sequence[Record], results: Sequence[RecordAccepted]) -> None:
    """Sort plain records that were all accepted: the usual case, at a third of the cost."""
    outcome.delivered += records
    outcome.shards.update(map(_shard_of, results))
    # The payloads are in no cache of the processor any more: to look at all of them would cost 1 % of a record's CPU.
    outcome.unprotected += sum([is_aggregate(record.data) for record in records[::PAYLOADS_PER_LOOK]])


def _sort_failure(outcome: BatchOutcome, entry: Record | PackedRecord, failed: RecordFailed) -> None:
    """Sort a record that was not accepted."""
    rule = record_error_rule(failed.code)
    records = entry.records if isinstance(entry, PackedRecord) else (entry,)
    if rule.action is ErrorAction.INVALID:
        if isinstance(entry, PackedRecord) and len(records) > 1:
            outcome.halve.append(entry)
        else:
            outcome.rejected.append((records[0], "invalid", f"{failed.code}: {failed.message}"))
        return
    outcome.again += records
    outcome.failed.append((entry, rule.throttled))
    outcome.throttled += rule.throttled
    outcome.last = failed
