"""Rules for tolerating refusals on a shard that another producer, which does not slow down, keeps full.

Such a producer uses every token that others leave. A bridge that lowers its rate for each refused record would end at a
twentieth of the shard. Two observations distinguish this case from many bridges on one shard:

  * The shard refuses samples of the common pauses. Bridges alone would leave room for them (see `common_pause`).
  * The shard refuses much more than the limiter aims at, for longer than bridges need to slow down.

    adapting ── a sample refused (after the first time, two of the last eight), or much for about 15 s ──▶ contending
    contending ── samples accepted one after the other, or nothing refused for 10 s ──▶ adapting

While a bridge contends, it tolerates that up to three quarters of its records are refused, and does not lower its rate
further (see `shard_rate`). All contending bridges end at equal shares. Example: the bridges and a producer of 2,000
records per second send 4,000 together, and the shard accepts 1,000 of them. The producer then gets half of the shard,
and the bridges get the other half. If one bridge contends by mistake, it causes refusals for all others, so they
contend too. Their shares become equal, their samples are accepted, and after two pauses all bridges stop contending.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from bridge.delivery.token_bucket import RECORDS_PER_SEC

if TYPE_CHECKING:
    from bridge.delivery.refusal_pattern import Verdict

MAX_TOLERATED = 0.75

TARGET_SHARE = 0.37
"""Share of the shard up to which a bridge tolerates refusals.

The bridge ends below this target, because it sends nothing in the pauses.
"""

# The tolerance falls from its full value at three quarters of the target to none at the target.
_APPROACH = 4.0

_SAMPLES = 8
# A single sample may be refused because bridges have just started, or because a request was late.
_REFUSED_SAMPLES = 2

_ACCEPTED_SAMPLES = 2
# After this many shard seconds of consecutive accepted samples, the shard no longer counts as contended.
# The limit is a sum, because small samples may be accepted by chance.
_ACCEPTED_SECS = 0.05

_MIN_REFUSED_FRACTION = 0.07
_SIGMAS = 3.0

# Refused fraction above the one that the limiter aims at, over the last seconds. Bridges alone halve it in 3 s.
_MUCH_REFUSED = 0.25

# Time constant of that fraction.
_MUCH_SECS = 15.0

# Maximum time that one response stands for, because nothing is known of the time before.
_MAX_ELAPSED_SECS = 2.0

_STARVED_SHARE = 0.01
_STARVED_REFUSED = 0.15
_STARVED_SECS = 30.0
# A bridge is starved if its share is below _STARVED_SHARE and more than _STARVED_REFUSED is refused.
# A hundred bridges on one shard have such small shares, but fewer refusals. Starving counts after 40 s.
_STARVED = 0.75

_DISTRUST_SECS = 30.0
# Time after the start, and after contending, in which only samples can start contending.
# Many bridges may start at the same time, and others may contend until the next pause. The time doubles with each use,
# so that a hundred bridges are not misled for long.
_MAX_DISTRUST_SECS = 960.0

_MAX_INTERVAL_SECS = 0.05
_MIN_INTERVAL_SECS = 0.008
_REQUESTS_PER_SHARE = 22.0
# A shard whose tokens another producer uses up accepts a few records of each request, whatever its size.
# So a contending bridge sends many small requests: 88 a second at a quarter of the shard, and more for a smaller share.
_MIN_REQUEST_RECORDS = 4


class Contention:
    """State of one shard: whether refusals are tolerated, and the evidence for it."""

    def __init__(self, now: float) -> None:
        self.active = False
        """True while refusals are tolerated."""
        # One entry for each of the last samples: True if it was refused, at least in part.
        self._refused: deque[bool] = deque(maxlen=_SAMPLES)
        self._needed_samples = 1
        self._accepted_secs = 0.0
        self._excess = self._starved = 0.0
        self._distrust_secs = _DISTRUST_SECS
        self._counted_at = now + _DISTRUST_SECS

    def on_sample(self, records: int, secs: float, verdict: Verdict | None, now: float) -> None:
        """Judge the response to a sample of `secs` shard seconds. `verdict` is None if all records were accepted."""
        refused = verdict is not None and _is_refused(records, verdict)
        self._refused.append(refused)
        self._accepted_secs = 0.0 if refused else self._accepted_secs + secs
        if not self.active:
            self.active = sum(self._refused) >= self._needed_samples
            if self.active:
                self._distrust_secs = _DISTRUST_SECS
        elif self._accepted_secs >= _ACCEPTED_SECS and not any(list(self._refused)[-_ACCEPTED_SAMPLES:]):
            self.end(now)

    def on_refused(self, fraction: float, wanted: float, share: float, now: float) -> None:
        """Learn the recently refused fraction, the `wanted` fraction to compare it with, and the share of the rate."""
        elapsed = min(now - self._counted_at, _MAX_ELAPSED_SECS)
        if elapsed <= 0:
            return
        self._counted_at = now
        starved = share <= _STARVED_SHARE and fraction > _STARVED_REFUSED
        # An exponential average with the time constant _MUCH_SECS, independent of how often responses arrive.
        self._excess += (1 - math.exp(-elapsed / _MUCH_SECS)) * (fraction - wanted - self._excess)
        self._starved += (1 - math.exp(-elapsed / _STARVED_SECS)) * (starved - self._starved)
        self.active |= self._excess > _MUCH_REFUSED or self._starved > _STARVED

    def tolerated(self, accepted_share: float) -> float:
        """Return the fraction of refusals to tolerate while the shard accepts `accepted_share` from this bridge."""
        if not self.active:
            return 0.0
        return MAX_TOLERATED * min(1.0, max(0.0, _APPROACH * (1 - accepted_share / TARGET_SHARE)))

    def interval_secs(self, accepted_share: float, rate_share: float) -> float:
        """Return the mean time between two requests: short if the share is small, but long enough for some records."""
        secs = min(_MAX_INTERVAL_SECS, max(_MIN_INTERVAL_SECS, accepted_share / _REQUESTS_PER_SHARE))
        return max(secs, _MIN_REQUEST_RECORDS / (rate_share * RECORDS_PER_SEC))

    def end(self, now: float) -> None:
        """Stop contending, because nothing was refused recently."""
        if self.active:
            self.active = False
            self._needed_samples = _REFUSED_SAMPLES
            self._refused.clear()
            self._excess = self._starved = 0.0
            self._counted_at = now + self._distrust_secs
            self._distrust_secs = min(_MAX_DISTRUST_SECS, self._distrust_secs * 2)


def _is_refused(records: int, verdict: Verdict) -> bool:
    """Return whether the shard refused more of a sample than chance explains."""
    # Three standard deviations: a sample of few records may be refused in part without another producer.
    return verdict.excess - _SIGMAS * math.sqrt(verdict.variance) > max(1.0, _MIN_REFUSED_FRACTION * records)
