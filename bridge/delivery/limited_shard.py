"""Limiter of one shard: its tokens, its rate, and the observations from its responses."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bridge.delivery.common_pause import CommonPause
from bridge.delivery.refusal_pattern import RefusalPattern
from bridge.delivery.refusal_tolerance import RefusalTolerance
from bridge.delivery.shard_rate import ShardRate, target_fraction
from bridge.delivery.sliding_sum import SlidingSum
from bridge.delivery.token_bucket import BURST_SECS, TokenBucket, shard_secs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.delivery.refusal_pattern import Verdict

# Seconds over which the accepted rate is averaged. Over a shorter time, one request would change the average too much.
_ACCEPTED_SECS = 3.0

# After this time without a response, the rate of `ShardRate` is out of date. If the rate is higher than the initial
# rate, it is then lowered to the initial rate.
_STALE_SECS = 60.0
# A shard counts as congested for this time after it has refused records because it was full.
_CONGESTED_SECS = 30.0
# If the shard has not been full for this number of seconds, the bridge stops contending.
_CALM_SECS = 10.0
# Bridges that may use more than this fraction of the shard limit do not pause: no producer has displaced them.
_PAUSING_SHARE = 0.6

# Bridges with a longer latency do not pause: their earlier requests arrive during the pause, and their samples arrive
# too late.
_MAX_PAUSING_LATENCY_SECS = 0.5

# Seconds over which the refused fraction is averaged.
_REFUSED_SECS = 5.0

# Weight of the last response in the average latency.
_LATENCY_WEIGHT = 0.1
# The first back-off is short, because a shard regains all its tokens in a second.
_FIRST_BACKOFF_SECS = 0.1
_MAX_BACKOFF_SECS = 2.0


class LimitedShard:
    """State of one shard. Before each call of another method, the caller calls `fill` with the same `now`."""

    def __init__(self, now: float, random_share: Callable[[], float]) -> None:
        self.rate = ShardRate(now)
        self.bucket = TokenBucket(self.rate.share, now)
        self.pause = CommonPause(random_share)
        self.tolerance = RefusalTolerance(now)
        self._random_share = random_share
        self._accepted = SlidingSum(_ACCEPTED_SECS, now)
        self._sent_records = SlidingSum(_REFUSED_SECS, now)
        self._refused_records = SlidingSum(_REFUSED_SECS, now)
        self._accepted_share = self._latency_secs = 0.0
        self._pattern = RefusalPattern(now)
        self._backoff_secs = 0.0
        self._backoff_until = -math.inf
        self._response_at = now

    @property
    def available(self) -> tuple[int, int]:
        """Records and bytes that may be sent: as many as the tokens allow, or the sample of a common pause."""
        return self.pause.limit(self.bucket.available)

    def rates(self, now: float) -> tuple[float, float, float, float, float | None]:
        """Return five figures of the shard.

        1. the fraction of the shard limit that this bridge may use
        2. the fraction that this bridge used in the last seconds
        3. records sent per second
        4. records refused per second
        5. seconds since the shard last refused records because it was full; None if it never refused any
        """
        ago = now - self.rate.congested_at
        sent, refused = self._sent_records.per_sec(now), self._refused_records.per_sec(now)
        return self.rate.share, self._accepted.per_sec(now), sent, refused, None if math.isinf(ago) else ago

    def fill(self, now: float) -> None:
        """Add the tokens that accrued since the last call."""
        if now - self._response_at > _STALE_SECS:
            # Without this assignment, the next call would restart the rate again.
            self._response_at = now
            self.rate.restart(now)
        self.bucket.fill(self.rate.share, now)

    def pause_secs(self, wall: float | None, now: float) -> float:
        """Return the remaining seconds of the common pause, or 0 if there is none.

        `wall` is the time of the clock of Kinesis; None if it is unknown.
        """
        congested = now - self.rate.congested_at <= _CONGESTED_SECS
        if wall is None or self._latency_secs > _MAX_PAUSING_LATENCY_SECS:
            # Without pauses there are no samples, which could end the contending. So the contending ends here.
            self.tolerance.end(now)
        elif self.tolerance.active or (congested and self.rate.share <= _PAUSING_SHARE):
            return self.pause.secs(self._accepted.per_sec(now), now, wall, contending=self.tolerance.active)
        self.pause.skip()
        return 0.0

    def backoff_secs(self, now: float) -> float:
        """Return the remaining seconds of the pause after the shard refused a complete request."""
        return max(0.0, self._backoff_until - now)

    def contending_interval_secs(self) -> float:
        """Return the mean time between two requests while the bridge contends with another producer."""
        return self.tolerance.interval_secs(self._accepted_share, self.rate.share)

    def has_tokens_of(self, secs: float) -> bool:
        """Return whether the bucket contains at least the tokens that accrue in `secs` seconds."""
        return self.bucket.level_secs >= secs * self.rate.share

    def consume(self, records: int, size: int, now: float) -> None:
        """Spend tokens for records with `size` bytes in total. Raise the rate if the tokens limit the sender."""
        if self.pause.sampling:
            self.pause.on_sent(records, size, now)
            self.rate.on_pause(now)
        self.bucket.take(records, size)
        # If the bucket stays more than half full, it does not limit the sender.
        self.rate.grow(now, used=self.bucket.level_secs <= BURST_SECS * self.rate.share / 2)

    def on_accepted(self, records: int, size: int, now: float, sent_at: float) -> None:
        """Adapt to a request whose records were all accepted."""
        secs = shard_secs(records, size)
        self._pattern.add_accepted(records, now)
        if self.pause.is_sample(sent_at, now):
            self.tolerance.on_sample(records, secs, None, now)
        self._accepted.add(secs, now)
        self.rate.on_accepted(records)
        self._count(records, 0, now, sent_at)
        self._backoff_secs = 0.0

    def on_results(self, outcomes: Sequence[tuple[int, bool]], now: float, sent_at: float) -> None:
        """Adapt to a request with refused records. `outcomes` are (size, accepted) of each record, in order."""
        verdict = self._pattern.add(outcomes, now)
        accepted, size = len(outcomes) - verdict.refused, sum([size for size, _ in outcomes])
        if self.pause.is_sample(sent_at, now):
            self.tolerance.on_sample(len(outcomes), shard_secs(len(outcomes), size), verdict, now)
        if accepted:
            self._accepted.add(shard_secs(accepted, size - verdict.refused_bytes), now)
        self._adapt(len(outcomes), verdict, now)
        self._count(len(outcomes), verdict.refused, now, sent_at)
        if accepted:
            self._backoff_secs = 0.0
        elif not verdict.by_chance and not self.tolerance.active:
            self._back_off(now)

    def _count(self, records: int, refused: int, now: float, sent_at: float) -> None:
        """Count the accepted and refused records of a response, and update the tolerance for refusals.

        Refusals by chance are also counted, because they cannot be recognized in requests with few records.
        """
        self._response_at = now
        self._latency_secs += _LATENCY_WEIGHT * (now - sent_at - self._latency_secs)
        self._sent_records.add(records, now)
        if refused:
            self._refused_records.add(refused, now)
        fraction = self._refused_records.total(now) / self._sent_records.total(now)
        self.tolerance.on_refused(fraction, target_fraction(self.rate.share), self.rate.share, now)
        if now - self.rate.congested_at > _CALM_SECS:
            self.tolerance.end(now)
        self._accepted_share = self._accepted.per_sec(now)
        self.rate.tolerated = self.tolerance.tolerated(self._accepted_share)

    def _adapt(self, records: int, verdict: Verdict, now: float) -> None:
        """Lower the rate if the shard refused records because it was full."""
        if not verdict.congested:
            self.rate.on_accepted(records)
            return
        # Only the refusals that the pattern attributes to a full shard lower the rate.
        secs = shard_secs(verdict.refused, verdict.refused_bytes) * verdict.congested / verdict.refused
        self.rate.on_congested(verdict.congested, secs, self._accepted.per_sec(now), now)

    def _back_off(self, now: float) -> None:
        """Start a back-off. Each back-off is twice as long as the back-off before."""
        self._backoff_secs = min(_MAX_BACKOFF_SECS, max(_FIRST_BACKOFF_SECS, self._backoff_secs * 2))
        # The pause is a random part of the back-off, at least half of it, so that many bridges do not resume together.
        self._backoff_until = now + self._backoff_secs * (1 - self._random_share() / 2)
        self.bucket.empty()
