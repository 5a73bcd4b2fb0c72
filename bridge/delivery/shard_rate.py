"""Rate at which records are sent to one shard, adapted to what the shard accepts.

Several producers may write to a shard without knowing of each other. Each producer may use a share r of the shard
limit. The producer adapts r to p, which is the fraction of its records that the shard refuses because the shard is
full:

    dr/dt = r * (target(r) + tolerated - p)        target(r) = _PER_SHARE / r + _PER_LOG * ln(1 / r)

Each refused record lowers the rate by one record per second: this is the term r * p of the formula. The rate is stable
if p = target(r). All producers have the same p, and so they end at the same share r. The shard then refuses a fraction
target(r): 1 % for 2 producers, 2 % for 4, 7 % for 40, and almost nothing for a single producer with r = 1. Usually,
`tolerated` is 0. It is higher if another producer does not slow down: see `refusal_tolerance`.

Three rules limit the changes:

1. The rate is never lowered below 90 % of the rate that the shard accepted in the last seconds. So late responses do
   not lower the rate too far.
2. A request with refusals lowers the rate by at most a third. If records have 50 KiB or more, a single refusal would
   lower the rate by more. For such records, the rate also grows more slowly, so that it does not oscillate.
3. If the shard refuses nothing for much longer than usual at a stable rate, it has free capacity. The rate then grows
   by 30 % per second.
"""

from __future__ import annotations

import math

START_SHARE = 0.25
"""Initial share. The share doubles each second until the first refusal.

The initial share is low, so that a new bridge does not displace other producers."""

MIN_SHARE = 0.005
"""Lowest share: 5 records per second are enough to notice that the shard has free capacity again."""

# With higher values of these two constants, more records are refused, but the shares become equal sooner. With these
# values, the shares become equal after 25 s for 40 producers, and after a minute for 4 producers.
_PER_SHARE = 0.0007
_PER_LOG = 0.012

# Lower limit of a decrease, as a fraction of the accepted rate (rule 1). The error of the measured rate is about 5 %.
# With 1.0, small decreases would be impossible, and the shares would not become equal.
_ACCEPTED_FLOOR = 0.9

# Largest fraction by which one request lowers the rate.
_MAX_STEP = 0.35
# Rule 2 does not slow the growth below this fraction of the share per second.
_SLOWEST_GROWTH_PER_SEC = 0.015

# Maximum seconds for which the rate grows between two requests. At the lowest share, a record of 1 MiB waits 200 s for
# its tokens. Growth for so long would be too large.
_MAX_GROWTH_SECS = 30.0

_FREE_GROWTH_PER_SEC = 0.3
# The shard has free capacity if three requests with refusals were expected, but none occurred. At a stable rate, this
# happens by chance with a probability of 5 %.
_FREE_AFTER_EVENTS = 3.0

# The additional growth of rule 3 starts after _FREE_AFTER_SECS without refusals, and has its full value _FREE_RAMP_SECS
# later.
_FREE_AFTER_SECS = 3.0
_FREE_RAMP_SECS = 3.0


def target_fraction(share: float) -> float:
    """Return the refused fraction at which the rate of a producer with this share is stable."""
    return _PER_SHARE / share + _PER_LOG * math.log(1 / share)


class ShardRate:
    """Rate of this bridge for one shard, as the share of the shard limit that the bridge may use."""

    def __init__(self, now: float) -> None:
        self.share = START_SHARE
        self.tolerated = 0.0
        """Refused fraction that does not lower the rate, in addition to `target_fraction`."""
        self.congested_at = -math.inf
        """Time at which the shard last refused records because it was full."""
        self._calm_since = -math.inf
        self._grown_at = now
        self._starting = True
        self._expected_events = 0.0
        self._event_records = 1.0
        self._event_secs = 0.001

    def restart(self, now: float) -> None:
        """Lower a high rate to the initial rate, because the shard has not been used for a long time."""
        self._grown_at = now
        if self.share > START_SHARE:
            self.share, self._starting = START_SHARE, True

    def grow(self, now: float, *, used: bool) -> None:
        """Raise the rate for the time since the last call.

        If the rate is not `used`, it does not change, because a lack of refusals then proves no free capacity.
        """
        elapsed = min(now - self._grown_at, _MAX_GROWTH_SECS)
        self._grown_at = max(self._grown_at, now)
        if used and elapsed > 0:
            # The rate at most doubles in one step, even after a long time. Otherwise, the first burst after that time
            # would be too large.
            self.share = min(1.0, self.share * 2, self.share + elapsed * self._growth(now))

    def on_pause(self, now: float) -> None:
        """Note that no records were sent for some time, so the lack of refusals in this time proves nothing."""
        self._calm_since = now
        self._expected_events = 0.0

    def on_accepted(self, records: int) -> None:
        """Count the records of a request without refusals, or with refusals by chance."""
        self._expected_events += records * target_fraction(self.share) / self._event_records

    def on_congested(self, records: float, secs: float, accepted_share: float, now: float) -> None:
        """Lower the rate, because a full shard refused records. The shard would need `secs` seconds to accept them."""
        self.congested_at = self._calm_since = now
        self._starting = False
        self._expected_events = 0.0
        # Running means of a request with refusals: its number of refused records, and their size in shard seconds.
        self._event_records += 0.1 * (max(1.0, records) - self._event_records)
        self._event_secs += 0.2 * (secs - self._event_secs)
        # `share - secs` is the rate after these refusals. The other three values are lower limits of the result.
        lowered = max(self.share - secs, self.share * (1 - _MAX_STEP), _ACCEPTED_FLOOR * accepted_share, MIN_SHARE)
        self.share = min(self.share, lowered)

    def _growth(self, now: float) -> float:
        """Return the increase of the share per second."""
        usual = self.share * (target_fraction(self.share) + self.tolerated)
        calmed = usual * min(1.0, _MAX_STEP * self.share / self._event_secs)
        growth = max(calmed, min(usual, _SLOWEST_GROWTH_PER_SEC * self.share))
        if self._starting:
            return growth + self.share
        calm_secs = now - self._calm_since - _FREE_AFTER_SECS
        if calm_secs > 0 and self._expected_events > _FREE_AFTER_EVENTS:
            growth += self.share * _FREE_GROWTH_PER_SEC * min(1.0, calm_secs / _FREE_RAMP_SECS)
        return growth
