"""Tolerance for refusals on a shard that another producer keeps full.

Some producers do not slow down when a shard refuses their records. Such a producer uses all capacity that others leave.
If a bridge lowered its rate for each refused record, it would end at a twentieth of the shard limit. So the bridge
changes to another state, in which it contends with the producer for the capacity:

    adapting     the bridge lowers its rate when the shard refuses records
    contending   the bridge tolerates that up to three quarters of its records are refused (see `shard_rate`)

Refusals alone do not show such a producer, because many bridges may write to the same shard. A bridge begins to contend
in these cases:

  * The shard refuses the sample of a common pause (see `common_pause`). If only bridges wrote to the shard, the shard
    would accept the samples. The first time, one refused sample is enough. Later, two of the last eight must be
    refused.
  * For about 15 s, the shard refuses many more records than the limiter aims at. If only bridges wrote to the shard,
    they would slow down sooner.
  * For about 40 s, the bridge may use less than a hundredth of the shard limit, and many of its records are refused.

A bridge stops contending if the shard accepts consecutive samples, or refuses no records for 10 s.

All contending bridges end at equal shares. Example: a producer sends 2,000 records per second, the bridges together
also send 2,000, and the shard accepts 1,000. The producer then gets half of the shard, and the bridges get the other
half. If one bridge contends by mistake, it causes refusals for all other bridges, so they contend too. Their shares
become equal, the shard accepts their samples, and after two pauses all bridges stop contending.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from bridge.delivery.token_bucket import RECORDS_PER_SEC

if TYPE_CHECKING:
    from bridge.delivery.refusal_pattern import Verdict

MAX_TOLERATED = 0.75
"""Largest fraction of refused records that a bridge tolerates."""

TARGET_SHARE = 0.37
"""Fraction of the shard limit up to which a bridge tolerates refusals.

The fraction that a bridge reaches is lower, because it sends no records during the common pauses.
"""

# The tolerance is MAX_TOLERATED up to three quarters of TARGET_SHARE. From there, it falls to 0 at TARGET_SHARE.
_APPROACH = 4.0

_SAMPLES = 8
# Number of refused samples that make a bridge contend again. After the first time, one refused sample is not enough:
# other bridges may have just started, or a request may have been late.
_REFUSED_SAMPLES = 2

_ACCEPTED_SAMPLES = 2
# Contending ends when consecutive samples of this total size were accepted. The size is in shard seconds (see
# `token_bucket`). A few small samples may be accepted by chance.
_ACCEPTED_SECS = 0.05

# A sample counts as refused if the shard refused more than this fraction of its records. Some records may be refused by
# chance, so _SIGMAS standard deviations are first subtracted from the number of refused records.
_MIN_REFUSED_FRACTION = 0.07
_SIGMAS = 3.0

# The excess is the refused fraction minus the fraction that the limiter aims at. A bridge begins to contend if the
# average excess is higher than this. If only bridges write to the shard, they halve the excess in 3 s.
_MUCH_REFUSED = 0.25

# Time constant of the average excess, in seconds.
_MUCH_SECS = 15.0

# Maximum weight of one response in the averages. The weight is the number of seconds since the previous response. After
# a long time without responses, it is unknown how much the shard would have refused.
_MAX_ELAPSED_SECS = 2.0

# A bridge is starved if its share is below _STARVED_SHARE, and the shard refuses more than _STARVED_REFUSED of its
# records. A hundred bridges on one shard have such small shares, but fewer refusals. The average with the time constant
# _STARVED_SECS exceeds _STARVED after 40 s of starving.
_STARVED_SHARE = 0.01
_STARVED_REFUSED = 0.15
_STARVED_SECS = 30.0
_STARVED = 0.75

# For this number of seconds after the start, and after contending, only samples can make the bridge contend. Refusals
# of other requests do not count: many bridges may have started at the same time, and other bridges may contend until
# the next pause. The time doubles each time the bridge stops contending, so that a hundred bridges do not make each
# other contend for long.
_DISTRUST_SECS = 30.0
_MAX_DISTRUST_SECS = 960.0

# If another producer uses up the capacity, the shard accepts only a few records of each request, even of a large
# request. So a contending bridge sends many small requests: 88 a second if it gets a quarter of the shard limit, and
# more if it gets less.
_MAX_INTERVAL_SECS = 0.05
_MIN_INTERVAL_SECS = 0.008
_REQUESTS_PER_SHARE = 22.0
_MIN_REQUEST_RECORDS = 4


class RefusalTolerance:
    """State of one shard: whether refusals are tolerated, and the observations that this decision needs."""

    def __init__(self, now: float) -> None:
        self.active = False
        """True while the bridge contends, which means that it tolerates refusals."""
        # One entry for each of the last samples: True if the sample counts as refused.
        self._refused: deque[bool] = deque(maxlen=_SAMPLES)
        self._needed_samples = 1
        self._accepted_secs = 0.0
        self._excess = self._starved = 0.0
        self._distrust_secs = _DISTRUST_SECS
        self._counted_at = now + _DISTRUST_SECS

    def on_sample(self, records: int, secs: float, verdict: Verdict | None, now: float) -> None:
        """Decide from the response to a sample whether to contend. The sample has `secs` shard seconds.

        `verdict` is None if all records were accepted.
        """
        refused = verdict is not None and _is_refused(records, verdict)
        self._refused.append(refused)
        self._accepted_secs = 0.0 if refused else self._accepted_secs + secs
        if not self.active:
            self.active = sum(self._refused) >= self._needed_samples
            if self.active:
                self._distrust_secs = _DISTRUST_SECS
        elif self._accepted_secs >= _ACCEPTED_SECS and not any(list(self._refused)[-_ACCEPTED_SAMPLES:]):
            self.end(now)

    def on_refused(self, fraction: float, target: float, share: float, now: float) -> None:
        """Decide from the refused fraction of the recent records whether to contend.

        `target` is the refused fraction that the limiter aims at, and `share` is the current rate of the bridge.
        """
        elapsed = min(now - self._counted_at, _MAX_ELAPSED_SECS)
        if elapsed <= 0:
            return
        self._counted_at = now
        starved = share <= _STARVED_SHARE and fraction > _STARVED_REFUSED
        # These are exponential averages over time. They do not depend on how often responses arrive.
        self._excess += (1 - math.exp(-elapsed / _MUCH_SECS)) * (fraction - target - self._excess)
        self._starved += (1 - math.exp(-elapsed / _STARVED_SECS)) * (starved - self._starved)
        self.active |= self._excess > _MUCH_REFUSED or self._starved > _STARVED

    def tolerated(self, accepted_share: float) -> float:
        """Return the refused fraction to tolerate, if the shard accepts `accepted_share` from this bridge."""
        if not self.active:
            return 0.0
        return MAX_TOLERATED * min(1.0, max(0.0, _APPROACH * (1 - accepted_share / TARGET_SHARE)))

    def interval_secs(self, accepted_share: float, rate_share: float) -> float:
        """Return the mean seconds between two requests: short for a small share, but long enough for four records."""
        secs = min(_MAX_INTERVAL_SECS, max(_MIN_INTERVAL_SECS, accepted_share / _REQUESTS_PER_SHARE))
        return max(secs, _MIN_REQUEST_RECORDS / (rate_share * RECORDS_PER_SEC))

    def end(self, now: float) -> None:
        """Stop contending, because no other producer seems to keep the shard full any longer."""
        if self.active:
            self.active = False
            self._needed_samples = _REFUSED_SAMPLES
            self._refused.clear()
            self._excess = self._starved = 0.0
            self._counted_at = now + self._distrust_secs
            self._distrust_secs = min(_MAX_DISTRUST_SECS, self._distrust_secs * 2)


def _is_refused(records: int, verdict: Verdict) -> bool:
    """Return whether the shard refused more records of a sample than chance explains."""
    # The margin of three standard deviations is for small samples: some of their records may be refused by chance.
    return verdict.excess - _SIGMAS * math.sqrt(verdict.variance) > max(1.0, _MIN_REFUSED_FRACTION * records)
