"""Limiter of what is sent to each shard of a stream (KPL: ShardLimiter, TokenBucket).

A shard accepts 1,000 records and 1 MiB per second from all producers together. Each shard has a token bucket whose rate
follows what the shard accepts:

    available ── consume ──▶ request ──▶ on_accepted / on_results
        ▲                                     │ refusal_pattern: a full shard, or chance
        └── token_bucket ◀── shard_rate ◀─────┤ sliding_sum: what the shard accepted lately
                                 ▲            ▼
                            contention ◀── common_pause: does another producer keep the shard full?

Not thread-safe: the sender guards it. All times are passed in, but for the wall clock of the common pause.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from bridge.delivery.common_pause import CommonPause
from bridge.delivery.contention import Contention
from bridge.delivery.refusal_pattern import RefusalPattern
from bridge.delivery.shard_rate import ShardRate
from bridge.delivery.sliding_sum import SlidingSum
from bridge.delivery.token_bucket import BURST_SECS, RECORDS_PER_SEC, TokenBucket, shard_secs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from bridge.delivery.refusal_pattern import Verdict

_ACCEPTED_SECS = 3.0
"""Window of the accepted rate. A shorter one shows single requests instead of a rate."""

_STATUS_SECS = 30.0

_REQUEST_INTERVAL_SECS = 0.1
"""Mean time in which tokens accumulate before the next request to a shard that is used up."""

_STALE_SECS = 60.0
_CONGESTED_SECS = 30.0
_PAUSING_SHARE = 0.3
"""A bridge with a larger share takes no part in common pauses: its share is no sign of being pushed aside."""

_JITTER_SECS = 0.25
_FIRST_BACKOFF_SECS = 0.1
_MAX_BACKOFF_SECS = 2.0


class ShardState(StrEnum):
    """State of one shard's rate."""

    FULL_RATE = "full rate"
    ADAPTING = "adapting"
    CONTENDING = "contending"


@dataclass(frozen=True, slots=True)
class ShardStatus:
    """Status of one shard. `refused` is the fraction of records that it refused lately."""

    records_per_sec: float
    refused: float
    state: ShardState


class _Shard:
    """Everything that is known of one shard."""

    def __init__(self, now: float) -> None:
        self.rate = ShardRate(now)
        self.bucket = TokenBucket(self.rate.share, now)
        self.accepted = SlidingSum(_ACCEPTED_SECS, now)
        self.pattern = RefusalPattern(now)
        self.pause = CommonPause()
        self.contention = Contention()
        self.sent_records = SlidingSum(_STATUS_SECS, now)
        self.refused_records = SlidingSum(_STATUS_SECS, now)
        self.backoff_secs = 0.0
        self.backoff_until = float("-inf")
        self.answered_at = now

    def fill(self, now: float) -> None:
        """Bring the tokens up to date."""
        if now - self.answered_at > _STALE_SECS:
            self.answered_at = now
            self.rate.restart(now)
        self.bucket.fill(self.rate.share, now)

    def is_used(self) -> bool:
        """Return True if the rate limits what is sent: a bucket that stays more than half full does not."""
        return self.bucket.level_secs <= BURST_SECS * self.rate.share / 2

    def takes_part_in_pauses(self, now: float) -> bool:
        """Return True if the shard is congested, and not mainly by this bridge."""
        if self.contention.active:
            return True
        return self.rate.share <= _PAUSING_SHARE and now - self.rate.congested_at <= _CONGESTED_SECS


class ShardLimiter:
    """Limits of a stream's shards, by shard id.

    `random_share` returns 0 up to 1. `wall_clock` returns seconds since the epoch, and must be right to half a second,
    as all bridges pause by it together. None: no common pauses, and so no defence against producers that never slow
    down.
    """

    def __init__(
        self,
        random_share: Callable[[], float] = random.random,
        wall_clock: Callable[[], float] | None = time.time,
    ) -> None:
        self._random_share = random_share
        self._wall_clock = wall_clock
        self._shards: dict[str, _Shard] = {}
        self._next_request_at = float("-inf")

    def available(self, shard_id: str, now: float) -> tuple[int, int]:
        """Return how many records and bytes may be sent now. Zero or less of either: nothing.

        A single record may be larger than the bytes: what it overdraws is waited for afterwards.
        """
        shard = self._filled(shard_id, now)
        if now < shard.backoff_until or self._pause_secs(shard, now) > 0:
            return 0, 0
        return shard.pause.limit(shard.bucket.available)

    def secs_until_available(self, shard_id: str, now: float) -> float:
        """Return when to look again: 0 if a worthwhile amount may be sent now.

        The times are jittered, so that bridges that share a shard do not send at the same moments again and again. All
        shards of a stream come due together, so that one request serves them all.
        """
        shard = self._filled(shard_id, now)
        pause_secs = self._pause_secs(shard, now)
        if pause_secs > 0:
            return pause_secs + _JITTER_SECS * self._random_share()
        tokens_secs = shard.bucket.secs_until_one(shard.rate.share)
        if shard.contention.active:
            return self._contending_secs(shard, tokens_secs)
        backoff_secs = max(0.0, shard.backoff_until - now)
        if shard.bucket.level_secs >= _REQUEST_INTERVAL_SECS * shard.rate.share:
            return backoff_secs
        if now >= self._next_request_at:
            self._next_request_at = now + _REQUEST_INTERVAL_SECS * (0.5 + self._random_share())
        return max(backoff_secs, tokens_secs, self._next_request_at - now)

    def consume(self, shard_id: str, records: int, size: int, now: float) -> None:
        """Spend tokens for records that are being sent. Several calls at one value of `now` belong to one request."""
        shard = self._filled(shard_id, now)
        shard.pause.on_sent(records, size, now)
        shard.bucket.take(records, size)
        if not shard.contention.active:
            shard.rate.grow(now, used=shard.is_used())

    def exhaust(self, shard_id: str, now: float) -> None:
        """Empty a shard's token bucket: records that were sent without the limiter have used the shard's capacity."""
        self._filled(shard_id, now).bucket.empty()

    def on_accepted(self, shard_id: str, records: int, size: int, now: float, sent_at: float) -> None:
        """Count the records of one request, all accepted. `sent_at` is the `now` at which they were consumed."""
        shard = self._filled(shard_id, now)
        shard.pattern.add_accepted(records, now)
        _count(shard, records, size, 0, now)
        shard.rate.on_accepted(records)
        if shard.pause.is_sample(sent_at, now):
            shard.contention.on_sample(records, None, shard.pause.accepted_share, shard.rate, now)

    def on_results(self, shard_id: str, outcomes: Sequence[tuple[int, bool]], now: float, sent_at: float) -> None:
        """Count the records of one request of which some were refused.

        `outcomes` holds the size of each Kinesis record that was bound for the shard, and whether it was accepted, in
        the order of the request. `sent_at` is the `now` at which they were consumed.
        """
        shard = self._filled(shard_id, now)
        verdict = shard.pattern.add(outcomes, now)
        accepted = len(outcomes) - verdict.refused
        accepted_bytes = sum([size for size, _ in outcomes]) - verdict.refused_bytes
        _count(shard, accepted, accepted_bytes, verdict.refused, now)
        if shard.pause.is_sample(sent_at, now):
            shard.contention.on_sample(len(outcomes), verdict, shard.pause.accepted_share, shard.rate, now)
        self._adapt(shard, len(outcomes), verdict, now)
        if not accepted and not verdict.by_chance and not shard.contention.active:
            self._back_off(shard, now)

    def retain(self, shard_ids: Collection[str]) -> None:
        """Forget all other shards: the stream was resharded."""
        self._shards = {shard_id: shard for shard_id, shard in self._shards.items() if shard_id in shard_ids}

    def snapshot(self, now: float) -> dict[str, ShardStatus]:
        """Return the status of each shard that was used."""
        return {shard_id: _status(shard, now) for shard_id, shard in self._shards.items()}

    def _filled(self, shard_id: str, now: float) -> _Shard:
        shard = self._shards.get(shard_id)
        if shard is None:
            shard = self._shards[shard_id] = _Shard(now)
        shard.fill(now)
        return shard

    def _pause_secs(self, shard: _Shard, now: float) -> float:
        """Return how long the common pause still lasts."""
        if self._wall_clock is None or not shard.takes_part_in_pauses(now):
            shard.pause.skip()
            return 0.0
        return shard.pause.secs(shard.accepted, now, self._wall_clock())

    def _contending_secs(self, shard: _Shard, tokens_secs: float) -> float:
        """Return the time until the next request while the bridge contends: short, for many small requests."""
        interval_secs = shard.contention.interval_secs * (0.5 + self._random_share())
        if shard.bucket.level_secs >= interval_secs * shard.rate.share:
            return 0.0
        return max(0.0, tokens_secs + interval_secs)

    def _adapt(self, shard: _Shard, records: int, verdict: Verdict, now: float) -> None:
        """Adapt the rate to a request of which records were refused."""
        if not verdict.congested:
            shard.rate.on_accepted(records)
            return
        secs = shard_secs(verdict.refused, verdict.refused_bytes) * verdict.congested / verdict.refused
        if shard.contention.active:
            shard.rate.congested_at = now
        else:
            shard.rate.on_congested(verdict.congested, secs, shard.accepted.per_sec(now), now)

    def _back_off(self, shard: _Shard, now: float) -> None:
        """Leave a shard alone that refused a whole request, for longer each time."""
        shard.backoff_secs = min(_MAX_BACKOFF_SECS, max(_FIRST_BACKOFF_SECS, shard.backoff_secs * 2))
        shard.backoff_until = now + shard.backoff_secs * (1 - self._random_share() / 2)
        shard.bucket.empty()


def _count(shard: _Shard, records: int, size: int, refused: int, now: float) -> None:
    """Count what a shard accepted and refused of one request."""
    shard.answered_at = now
    shard.sent_records.add(records + refused, now)
    if refused:
        shard.refused_records.add(refused, now)
    if records:
        shard.accepted.add(shard_secs(records, size), now)
        shard.backoff_secs = 0.0
    if shard.contention.active:
        shard.contention.regulate(shard.accepted.per_sec(now), shard.rate, now)


def _status(shard: _Shard, now: float) -> ShardStatus:
    sent = shard.sent_records.total(now)
    state = ShardState.FULL_RATE if shard.rate.share >= 1 else ShardState.ADAPTING
    return ShardStatus(
        records_per_sec=shard.rate.share * RECORDS_PER_SEC,
        refused=shard.refused_records.total(now) / sent if sent else 0.0,
        state=ShardState.CONTENDING if shard.contention.active else state,
    )
