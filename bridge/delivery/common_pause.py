"""A common pause of all bridges, which shows whether another producer keeps a shard full.

Every 20 s of wall-clock time, all bridges that share a congested shard send nothing to it for 1.25 s. Where only
bridges write to the shard, it has a second's worth of tokens afterwards, and accepts whatever they send next. If it
refuses records even then, another producer took the tokens: one that does not slow down when it is refused.

The first request after the pause is the sample. It carries less than a second's worth of what the shard accepted from
this bridge before, so the samples of all bridges together fit into the shard's tokens. Until the samples have arrived,
nothing else is sent.

    wall clock  0.0          1.25            1.75          20.0
                | pause       | sample, wait  | as usual    | pause ...

Clocks may differ by half a second: NTP is enough. A sample that was answered after more than a second proves nothing,
as requests that were sent before the pause may have arrived with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.delivery.token_bucket import BYTES_PER_SEC, RECORDS_PER_SEC

if TYPE_CHECKING:
    from bridge.delivery.sliding_sum import SlidingSum

PERIOD_SECS = 20.0
PAUSE_SECS = 1.25
"""A quarter of a second longer than a shard needs to regain all tokens, for clocks that differ."""

_RESUME_SECS = PAUSE_SECS + 0.5
_SAMPLE_SHARE = 0.8
_MAX_LATENCY_SECS = 1.0


@dataclass(slots=True)
class _Sample:
    period: float
    accepted_share: float
    records: float
    size: float
    sent_at: float | None = None


class CommonPause:
    """Pause and sample of one shard. `now` is the limiter's clock, `wall` the wall clock at the same time."""

    def __init__(self) -> None:
        self._sample: _Sample | None = None
        self._sampling = False

    @property
    def accepted_share(self) -> float:
        """Share of the shard's limit that was accepted before the pause."""
        return self._sample.accepted_share if self._sample is not None else 0.0

    def secs(self, accepted: SlidingSum, now: float, wall: float) -> float:
        """Return how long nothing may be sent from now on; 0 if something may. `accepted` is in shard seconds."""
        period, phase = divmod(wall, PERIOD_SECS)
        self._sampling = False
        if phase < PAUSE_SECS:
            if self._sample is None or self._sample.period != period:
                self._sample = _sample(period, accepted.per_sec(now))
            return PAUSE_SECS - phase
        if phase >= _RESUME_SECS or self._sample is None or self._sample.period != period:
            return 0.0
        self._sampling = self._sample.sent_at in {None, now}
        return 0.0 if self._sampling else _RESUME_SECS - phase

    def skip(self) -> None:
        """Take no part in the pause: the shard is not congested."""
        self._sampling = False

    def limit(self, available: tuple[int, int]) -> tuple[int, int]:
        """Return what may be sent of `available`: after the pause, what is left of the sample."""
        sample = self._sample
        if not self._sampling or sample is None:
            return available
        return min(available[0], int(sample.records)), min(available[1], int(sample.size))

    def on_sent(self, records: int, size: int, now: float) -> None:
        """Count records of the sample. All that is sent at one value of `now` is one request."""
        sample = self._sample
        if self._sampling and sample is not None:
            sample.sent_at = now
            sample.records -= records
            sample.size -= size

    def is_sample(self, sent_at: float, now: float) -> bool:
        """Return True for the response to the sample, if it arrived in time."""
        sample = self._sample
        return sample is not None and sample.sent_at == sent_at and now - sent_at <= _MAX_LATENCY_SECS


def _sample(period: float, accepted_share: float) -> _Sample:
    secs = _SAMPLE_SHARE * accepted_share
    return _Sample(period, accepted_share, max(1.0, secs * RECORDS_PER_SEC), max(1.0, secs * BYTES_PER_SEC))
