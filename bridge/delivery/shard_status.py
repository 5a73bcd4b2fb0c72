"""Status of the known shards of one stream, for the status page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.delivery.accumulator import RecordAccumulator
    from bridge.delivery.shard_deferral import ShardDeferral


@dataclass(frozen=True, slots=True)
class ShardStatus:
    """One open shard. Rates are records per second, averaged over the last seconds.

    `first_hash` and `last_hash` are decimal numbers in strings, because they have 128 bits. `share` is the fraction of
    the shard limit that the sender may use. `used_share` is the fraction that it used in the last seconds.
    `refused_secs_ago` is the time in seconds since the shard last refused records because it was full; None if it never
    did. `waiting` is the number of records in memory for the next requests. `deferred` is true while other records of
    the shard stay on disk, so that they do not delay the records of other shards.
    """

    shard: str
    first_hash: str
    last_hash: str
    share: float
    used_share: float
    sent_per_sec: float
    refused_per_sec: float
    refused_secs_ago: float | None
    waiting: int
    deferred: bool


@dataclass(frozen=True, slots=True)
class StreamShards:
    """Known shards of one stream.

    `distribution` is "by_key" if partition keys determine the shard of a record, "by_service" if Kinesis chooses the
    shard itself, or "unknown". `complete` is true if `shards` contains all open shards. `worker` is the name of the
    worker process of `run --workers`, or "" if there is only one process.
    """

    stream: str
    distribution: str
    complete: bool
    shards: tuple[ShardStatus, ...]
    worker: str = ""


def stream_shards(stream: str, accumulator: RecordAccumulator, deferral: ShardDeferral, now: float) -> StreamShards:
    """Return the known shards of a stream. The caller must hold the lock of the sender pool."""
    known, limiter = accumulator.shards, accumulator.limiter
    waiting = {shard.id: records for shard, records, _ in accumulator.by_shard()}
    deferred = deferral.shard_ids
    shards = tuple(
        ShardStatus(
            shard.id,
            str(shard.first_hash),
            str(shard.last_hash),
            *limiter.rates(shard.id, now),
            waiting=waiting.get(shard.id, 0),
            deferred=shard.id in deferred,
        )
        for shard in known.shards
    )
    return StreamShards(stream, known.distribution, known.complete, shards)
