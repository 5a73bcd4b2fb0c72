"""Rate at which records are sent to one shard, adapted to what the shard accepts.

Several producers may write to a shard, and none knows of the others. Each adapts its share r of the shard's limit
(additive increase, proportional decrease; with p the fraction that the shard refuses because it is full):

    dr/dt = r * (wanted(r) + tolerated - p)        wanted(r) = _PER_SHARE / r + _PER_LOG * ln(1 / r)

A decrease by r * p per second is a decrease by one record per second for each refused record. The rate comes to rest
where p = wanted(r). That is one value of r for a given p, so all producers end at the same share, and the fraction that
is wasted is wanted(r): 1 % for 2 producers, 2 % for 4, 7 % for 40. At r = 1 nothing is wanted and nothing is refused.
`tolerated` is 0, but beside a producer that does not slow down: see `contention`.

Three rules bound this:

 1. A decrease never goes below nine tenths of what the shard accepted in the last seconds, whatever arrives late.
 2. A request that was refused lowers the rate by at most a third, and where single refusals weigh that much (records of
    50 KiB and more), the increase is slowed down as well, so that the rate does not swing.
 3. Where refusals stay away for much longer than at rest, the rate grows by 30 % per second: the shard is free again.
"""

from __future__ import annotations

import math

START_SHARE = 0.25
"""First rate. It doubles each second until the first refusal, so that a newcomer does not push the others aside."""

MIN_SHARE = 0.005
"""Lowest rate: 5 records per second still find out that the shard is free again."""

_PER_SHARE = 0.0007
_PER_LOG = 0.012
"""Both weigh waste against the time in which shares become equal: 25 s for 40 producers, and a minute for 4."""

_ACCEPTED_FLOOR = 0.9
"""The accepted rate is known to about 5 %. A floor of 1.0 would stop every small decrease, and rates would not
converge."""

_MAX_STEP = 0.35
_SLOWEST_GROWTH_PER_SEC = 0.015

_MAX_GROWTH_SECS = 30.0
"""Longest time between two requests that counts as growth: a record of 1 MiB waits longer for its tokens."""

_FREE_GROWTH_PER_SEC = 0.3
_FREE_AFTER_EVENTS = 3.0
"""Requests with refusals that were to be expected by now. That none came at rest has a probability of 5 %."""

_FREE_AFTER_SECS = 3.0
_FREE_RAMP_SECS = 3.0


def wanted(share: float) -> float:
    """Return the refused fraction at which a producer with that share neither gains nor loses."""
    return _PER_SHARE / share + _PER_LOG * math.log(1 / share)


class ShardRate:
    """Share of one shard's limit that is used at most."""

    def __init__(self, now: float) -> None:
        self.share = START_SHARE
        self.tolerated = 0.0
        """Refused fraction at which the rate rests, beyond what is wanted."""
        self.congested_at = -math.inf
        """When the shard last refused records because it was full."""
        self._calm_since = -math.inf
        self._grown_at = now
        self._starting = True
        self._expected_events = 0.0
        self._event_records = 1.0
        self._event_secs = 0.001

    def restart(self, now: float) -> None:
        """Forget a high rate: nothing is known of the shard since long."""
        self._grown_at = now
        if self.share > START_SHARE:
            self.share, self._starting = START_SHARE, True

    def grow(self, now: float, *, used: bool) -> None:
        """Raise the rate for the time that passed. A rate that is not `used` stays: it shows nothing."""
        elapsed = min(now - self._grown_at, _MAX_GROWTH_SECS)
        self._grown_at = max(self._grown_at, now)
        if used and elapsed > 0:
            self.share = min(1.0, self.share * 2, self.share + elapsed * self._growth(now))

    def on_pause(self, now: float) -> None:
        """Note that nothing was sent for a time: that nothing was refused in it shows nothing."""
        self._calm_since = now
        self._expected_events = 0.0

    def on_accepted(self, records: int) -> None:
        """Count records that were accepted, or refused by chance."""
        self._expected_events += records * wanted(self.share) / self._event_records

    def on_congested(self, records: float, secs: float, accepted_share: float, now: float) -> None:
        """Lower the rate for records that a full shard refused, and which cost `secs` shard seconds."""
        self.congested_at = self._calm_since = now
        self._starting = False
        self._expected_events = 0.0
        self._event_records += 0.1 * (max(1.0, records) - self._event_records)
        self._event_secs += 0.2 * (secs - self._event_secs)
        lowered = max(self.share - secs, self.share * (1 - _MAX_STEP), _ACCEPTED_FLOOR * accepted_share, MIN_SHARE)
        self.share = min(self.share, lowered)

    def _growth(self, now: float) -> float:
        """Return the increase per second."""
        usual = self.share * (wanted(self.share) + self.tolerated)
        calmed = usual * min(1.0, _MAX_STEP * self.share / self._event_secs)
        growth = max(calmed, min(usual, _SLOWEST_GROWTH_PER_SEC * self.share))
        if self._starting:
            return growth + self.share
        calm_secs = now - self._calm_since - _FREE_AFTER_SECS
        if calm_secs > 0 and self._expected_events > _FREE_AFTER_EVENTS:
            growth += self.share * _FREE_GROWTH_PER_SEC * min(1.0, calm_secs / _FREE_RAMP_SECS)
        return growth
