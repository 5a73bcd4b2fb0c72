"""Defence of a shard's share against a producer that does not slow down when it is refused.

Such a producer takes whatever others leave: a bridge that lowers its rate for each refused record ends at a twentieth
of the shard. The samples of the common pauses (see `common_pause`) distinguish this case from many bridges:

    adapting ── refusals in the samples, and a small accepted share ──▶ contending
    contending ── three samples without refusals, or no refusals for 10 s, or the share is not reached ──▶ adapting

While it contends, the bridge ignores refusals and regulates its rate so that the shard accepts a third of its limit
from this bridge. Many small requests come first, a higher rate second: a shard that another producer keeps nearly full
accepts a few records of each request, however large it is.

Bridges alone cannot stay in this state. Up to three of them would fill no more than the shard, so refusals end. More
than three do not reach their share. And in each common pause all of them pause, so no sample is refused.
"""

from __future__ import annotations

import math
import random
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.delivery.shard_rate import MIN_SHARE

if TYPE_CHECKING:
    from bridge.delivery.refusal_pattern import Verdict
    from bridge.delivery.shard_rate import ShardRate

TARGET_SHARE = 0.33

SUPPRESSED_SHARE = 0.18
"""With a larger accepted share there is no reason to contend: six bridges that share a shard have a sixth each."""

MAX_CONTENDING_SECS = 300.0
"""About the longest time of contending. Bridges leave it at different moments, to find out if it is over."""

_SAMPLES = 8
_CLEAN_SAMPLES = 2
_CLEAN_FRACTION = 0.3
_LEAST_SAMPLES = 2
_MIN_REFUSED_FRACTION = 0.05
_MIN_REFUSED = 3.0
_SIGMAS = 3.0
_FIRST_SHARE = 0.4
_FIRST_INTERVAL_SECS = 0.05
_MIN_INTERVAL_SECS = 0.02
_MIN_CONTENDING_SHARE = 0.1

_MISSED_SHARE = 0.2
_MAX_MISSED_SECS = 10
_CALM_SECS = 10.0

_FIRST_DISTRUST_SECS = 60.0
_MAX_DISTRUSTS = 3
"""A state that was left is entered again after 1, 4, and then each time 16 minutes at the earliest."""


@dataclass(frozen=True, slots=True)
class _SampleResult:
    records: int
    excess: float
    variance: float


class Contention:
    """State of one shard: whether the bridge contends for its share, and the evidence."""

    def __init__(self) -> None:
        self.active = False
        self.interval_secs = _FIRST_INTERVAL_SECS
        """Time between two requests while the bridge contends."""
        self._samples: deque[_SampleResult] = deque(maxlen=_SAMPLES)
        self._regulated_at = 0.0
        self._missed_secs = 0
        self._left_times = 0
        self._not_before = float("-inf")

    def on_sample(
        self, records: int, verdict: Verdict | None, accepted_share: float, rate: ShardRate, now: float
    ) -> None:
        """Judge the response to a sample. `verdict` is None if all records were accepted."""
        excess, variance = (0.0, 0.0) if verdict is None else (verdict.excess, verdict.variance)
        self._samples.append(_SampleResult(records, excess, variance))
        if self.active:
            if self._is_over():
                self._leave(rate, accepted_share, now)
        elif accepted_share < SUPPRESSED_SHARE and now >= self._not_before and self._is_contended():
            self._enter(rate, now)

    def regulate(self, accepted_share: float, rate: ShardRate, now: float) -> None:
        """Adapt the rate once a second while the bridge contends."""
        if now - self._regulated_at < 1.0:
            return
        self._regulated_at = now
        if now >= self._expires_at:
            self.active = False
            self._samples.clear()
            rate.share = min(rate.share, 0.1)
            return
        self._missed_secs = self._missed_secs + 1 if accepted_share < _MISSED_SHARE else 0
        if self._missed_secs >= _MAX_MISSED_SECS or now - rate.congested_at > _CALM_SECS:
            self._leave(rate, accepted_share, now)
        elif accepted_share > TARGET_SHARE * 1.05:
            rate.share = max(_MIN_CONTENDING_SHARE, rate.share * 0.9)
        elif accepted_share < TARGET_SHARE * 0.95 and self.interval_secs > _MIN_INTERVAL_SECS:
            self.interval_secs = max(_MIN_INTERVAL_SECS, self.interval_secs * 0.7)
        elif accepted_share < TARGET_SHARE * 0.95:
            rate.share = min(1.0, rate.share * 1.15)

    def _is_contended(self) -> bool:
        """Return True if the samples were refused more often than chance explains."""
        excess = sum(sample.excess for sample in self._samples)
        records = sum(sample.records for sample in self._samples)
        chance = _SIGMAS * math.sqrt(sum(sample.variance for sample in self._samples))
        return len(self._samples) >= _LEAST_SAMPLES and excess > max(
            _MIN_REFUSED, _MIN_REFUSED_FRACTION * records + chance
        )

    def _is_over(self) -> bool:
        """Return True if the last three samples were accepted."""
        last = list(self._samples)[-_CLEAN_SAMPLES:]
        excess, records = sum(sample.excess for sample in last), sum(sample.records for sample in last)
        return len(last) == _CLEAN_SAMPLES and excess < _CLEAN_FRACTION * records

    def _enter(self, rate: ShardRate, now: float) -> None:
        self.active = True
        self.interval_secs = _FIRST_INTERVAL_SECS
        self._samples.clear()
        self._missed_secs = 0
        self._expires_at = now + MAX_CONTENDING_SECS * (0.8 + 0.4 * random.random())  # noqa: S311 - jitter, no secret
        self._regulated_at = now + 1.0
        rate.share = max(rate.share, _FIRST_SHARE)

    def _leave(self, rate: ShardRate, accepted_share: float, now: float) -> None:
        self.active = False
        self._samples.clear()
        self._not_before = now + _FIRST_DISTRUST_SECS * 4**self._left_times
        self._left_times = min(_MAX_DISTRUSTS, self._left_times + 1)
        rate.share = min(rate.share, max(MIN_SHARE, accepted_share))
