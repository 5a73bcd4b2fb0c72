"""The shards of one stream that the sender knows, for the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.delivery.accumulator import RecordAccumulator
    from bridge.delivery.shard_deferral import ShardDeferral


@dataclass(frozen=True, slots=True)
class ShardStatus:
    """One open shard. Rates are records per second over the last seconds.

    `first_hash` and `last_hash` are decimal, because they have 128 bits. `share` is the maximum part of the shard's
    limit that the sender uses, `used_share` the part that it used in the last seconds. `refused_secs_ago`: seconds
    since the shard refused records because it was full; None if it never did. `waiting` are records in memory for the
    next requests. `deferred` is true while further records of the shard stay on disk, so that they do not delay the
    others.
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

    `distribution` is "by_key" if partition keys determine the shard, "by_service" if Kinesis does. `complete` is true
    if these are all open shards. `worker` names the worker of `run --workers`, "" in one process.
    """

    stream: str
    distribution: str
    complete: bool
    shards: tuple[ShardStatus, ...]
    worker: str = ""


def stream_shards(stream: str, accumulator: RecordAccumulator, deferral: ShardDeferral, now: float) -> StreamShards:
    """Return the known shards of a stream. The caller holds the pool's lock, which guards all arguments."""
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
