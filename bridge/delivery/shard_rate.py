"""Rate at which records are sent to one shard, adapted to what the shard accepts.

Several producers may write to a shard, and none knows of the others. Each adapts its share r of the shard's limit
(additive increase, proportional decrease; with p the fraction that the shard refuses because it is full):

    dr/dt = r * (wanted(r) + tolerated - p)        wanted(r) = _PER_SHARE / r + _PER_LOG * ln(1 / r)

A decrease by r * p per second is a decrease by one record per second for each refused record. The rate is stable at p =
wanted(r). For a given p this is one value of r, so all producers end at the same share. The refused fraction is then
wanted(r): 1 % for 2 producers, 2 % for 4, 7 % for 40. At r = 1 it is 0, and nothing is refused. `tolerated` is 0 unless
another producer does not slow down: see `contention`.

Three rules limit the changes:

1. A decrease never goes below nine tenths of the rate that the shard accepted in the last seconds, even if responses
   arrive late.
2. A request with refusals lowers the rate by at most a third. If single refusals have that much weight (records of 50
   KiB and more), the increase is slowed down as well, so that the rate does not oscillate.
3. If there are no refusals for much longer than at a stable rate, the shard is free again, and the rate grows by 30 %
   per second.
"""

from __future__ import annotations

import math

START_SHARE = 0.25
"""Initial rate. It doubles each second until the first refusal, so that a new bridge does not displace the others."""

MIN_SHARE = 0.005
"""Lowest rate: 5 records per second are enough to notice that the shard is free again."""

_PER_SHARE = 0.0007
# Higher values of both waste more, but shares become equal sooner. With these values, it takes 25 s with 40 producers,
# and a minute with 4.
_PER_LOG = 0.012

# The accepted rate is exact to about 5 %.
# A floor of 1.0 would prevent every small decrease, and rates would not converge.
_ACCEPTED_FLOOR = 0.9

_MAX_STEP = 0.35
_SLOWEST_GROWTH_PER_SEC = 0.015

# Longest time between two requests that counts as growth: a record of 1 MiB waits longer for its tokens.
_MAX_GROWTH_SECS = 30.0

_FREE_GROWTH_PER_SEC = 0.3
# Number of expected requests with refusals after which the shard counts as free.
# At a stable rate, none of three occurs with a probability of 5 %.
_FREE_AFTER_EVENTS = 3.0

_FREE_AFTER_SECS = 3.0
_FREE_RAMP_SECS = 3.0


def wanted(share: float) -> float:
    """Return the refused fraction at which the rate of a producer with that share is stable."""
    return _PER_SHARE / share + _PER_LOG * math.log(1 / share)


class ShardRate:
    """Maximum share of one shard's limit that this bridge uses."""

    def __init__(self, now: float) -> None:
        self.share = START_SHARE
        self.tolerated = 0.0
        """Refused fraction, in addition to the wanted one, at which the rate is stable."""
        self.congested_at = -math.inf
        """When the shard last refused records because it was full."""
        self._calm_since = -math.inf
        self._grown_at = now
        self._starting = True
        self._expected_events = 0.0
        self._event_records = 1.0
        self._event_secs = 0.001

    def restart(self, now: float) -> None:
        """Lower a high rate, because the shard has not been used for long."""
        self._grown_at = now
        if self.share > START_SHARE:
            self.share, self._starting = START_SHARE, True

    def grow(self, now: float, *, used: bool) -> None:
        """Raise the rate for the elapsed time. A rate that is not `used` does not change, because it proves nothing."""
        elapsed = min(now - self._grown_at, _MAX_GROWTH_SECS)
        self._grown_at = max(self._grown_at, now)
        if used and elapsed > 0:
            # The rate at most doubles in one step, even after a long time, so that the first burst to a shard is not
            # the largest.
            self.share = min(1.0, self.share * 2, self.share + elapsed * self._growth(now))

    def on_pause(self, now: float) -> None:
        """Note a time in which nothing was sent, so that the lack of refusals in it does not count."""
        self._calm_since = now
        self._expected_events = 0.0

    def on_accepted(self, records: int) -> None:
        """Count records that were accepted, or refused by chance."""
        self._expected_events += records * wanted(self.share) / self._event_records

    def on_congested(self, records: float, secs: float, accepted_share: float, now: float) -> None:
        """Lower the rate, because a full shard refused records that it needs `secs` seconds to accept."""
        self.congested_at = self._calm_since = now
        self._starting = False
        self._expected_events = 0.0
        # This running mean of records per refused request estimates how many requests with refusals to expect.
        self._event_records += 0.1 * (max(1.0, records) - self._event_records)
        self._event_secs += 0.2 * (secs - self._event_secs)
        # The highest of the four floors wins; each protects against a different kind of late or single response.
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
