"""Limiter for the records that are sent to each shard of a stream.

The Kinesis Producer Library (KPL) has the same classes: ShardLimiter and TokenBucket. A shard accepts 1,000 records and
1 MiB per second from all producers together. Each shard has a token bucket, whose rate is adapted to the records that
the shard accepts:

    available ── consume ──▶ request ──▶ on_accepted / on_results
        ▲                                     │ refusal_pattern: is the shard full, or does it refuse by chance?
        └── token_bucket ◀── shard_rate ◀─────┤ sliding_sum: records that the shard accepted in the last seconds
                                 ▲            ▼
                     refusal_tolerance ◀── common_pause ◀── service_clock

`limited_shard` combines these modules for one shard. `python -m tests.delivery.shard_simulation` simulates a shard with
many producers, and prints the results.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from bridge.delivery.limited_shard import LimitedShard
from bridge.delivery.service_clock import ServiceClock
from bridge.delivery.shard_rate import START_SHARE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

# Mean seconds until the next request to shards whose tokens are used up. In this time, tokens accumulate.
_REQUEST_INTERVAL_SECS = 0.1


class ShardLimiter:
    """Limits of a stream's shards, by shard id. Not thread-safe: callers hold the lock of the sender pool.

    `now` is the time of a monotonic clock in seconds. `random_share` returns a random number from 0 to 1. `clock` is
    the clock of Kinesis; the caller passes each response to `clock.observe`. Common pauses need an exact `clock`.
    Without common pauses, the bridge does not contend with a producer that does not slow down.
    """

    def __init__(self, random_share: Callable[[], float] = random.random) -> None:
        self.clock = ServiceClock()
        self._random_share = random_share
        self._shards: dict[str, LimitedShard] = {}
        self._next_request_at = float("-inf")

    def available(self, shard_id: str, now: float) -> tuple[int, int]:
        """Return how many records and bytes may be sent now. If one number is zero or less, no record may be sent.

        A single record may be larger than this number of bytes. The number is then negative, and other records wait.
        """
        shard = self._filled(shard_id, now)
        if shard.backoff_secs(now) > 0 or shard.pause_secs(self.clock.time(now), now) > 0:
            return 0, 0
        return shard.available

    def secs_until_available(self, shard_id: str, now: float) -> float:
        """Return the seconds until `available` should be called again; 0 if enough for a request may be sent now.

        The seconds are random within limits, so that bridges that share a shard do not always send at the same time.
        All busy shards of a stream get the same time, so that the next request contains records of all these shards.
        """
        shard = self._filled(shard_id, now)
        pause_secs = shard.pause_secs(self.clock.time(now), now)
        if pause_secs > 0 or shard.pause.sampling:
            return pause_secs
        tokens_secs = shard.bucket.secs_until_one(shard.rate.share)
        if shard.tolerance.active:
            interval_secs = shard.contending_interval_secs() * (0.5 + self._random_share())
            return 0.0 if shard.has_tokens_of(interval_secs) else max(0.0, tokens_secs + interval_secs)
        backoff_secs = shard.backoff_secs(now)
        if shard.has_tokens_of(_REQUEST_INTERVAL_SECS):
            return backoff_secs
        if now >= self._next_request_at:
            self._next_request_at = now + _REQUEST_INTERVAL_SECS * (0.5 + self._random_share())
        return max(backoff_secs, tokens_secs, self._next_request_at - now)

    def consume(self, shard_id: str, records: int, size: int, now: float) -> None:
        """Spend tokens for records that are being sent. Several calls with the same `now` belong to one request."""
        self._filled(shard_id, now).consume(records, size, now)

    def exhaust(self, shard_id: str, now: float) -> None:
        """Empty the token bucket of a shard, because records were sent to it without calling `consume`."""
        self._filled(shard_id, now).bucket.empty()

    def on_accepted(self, shard_id: str, records: int, size: int, now: float, sent_at: float) -> None:
        """Count the records of one request, if all were accepted. `sent_at` is the `now` of their `consume` calls."""
        self._filled(shard_id, now).on_accepted(records, size, now, sent_at)

    def on_results(self, shard_id: str, outcomes: Sequence[tuple[int, bool]], now: float, sent_at: float) -> None:
        """Count the records of one request, if some were refused.

        `outcomes` contains (size, accepted) of each Kinesis record for this shard, in the order of the request.
        `sent_at` is the `now` of their `consume` calls.
        """
        self._filled(shard_id, now).on_results(outcomes, now, sent_at)

    def rates(self, shard_id: str, now: float) -> tuple[float, float, float, float, float | None]:
        """Return `LimitedShard.rates` of a shard, or the initial values if no record was sent to it."""
        shard = self._shards.get(shard_id)
        return (START_SHARE, 0.0, 0.0, 0.0, None) if shard is None else shard.rates(now)

    def retain(self, shard_ids: Collection[str]) -> None:
        """Remove all other shards, because the stream was resharded."""
        self._shards = {shard_id: shard for shard_id, shard in self._shards.items() if shard_id in shard_ids}

    def _filled(self, shard_id: str, now: float) -> LimitedShard:
        shard = self._shards.get(shard_id)
        if shard is None:
            shard = self._shards[shard_id] = LimitedShard(now, self._random_share)
        shard.fill(now)
        return shard
