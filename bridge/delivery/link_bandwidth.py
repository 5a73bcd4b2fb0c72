"""The bandwidth of one link, by what it carried while requests were in flight."""

from __future__ import annotations

from collections import deque

FIRST_BANDWIDTH = 32_000.0
"""Bytes per second assumed before the first measurement: the first request is then at most 32 kB on the wire."""

_SAMPLES = 8


class LinkBandwidth:
    """Bytes per second that a link carries: the highest of the last samples. Not thread-safe.

    `least`: it never falls below this.
    """

    def __init__(self, least: float) -> None:
        self.value = FIRST_BANDWIDTH
        self.measured = False
        self._least = least
        self._rates: deque[float] = deque(maxlen=_SAMPLES)
        self._at_growth = 0.0

    def on_rate(self, rate: float, *, limited: bool) -> None:
        """Take over a rate at which requests left or were answered: a higher one at once.

        `limited`: more would have been sent if the link had carried it. Only then does a lower rate count.
        """
        if rate >= self.value or not self.measured:
            self.value = rate if limited else max(rate, self.value)
            self.measured = True
            self._rates.append(rate)
        elif limited:
            self._lower(rate)
        self._at_growth = min(self._at_growth, self.value)

    def _lower(self, rate: float) -> None:
        """Lower the bandwidth to the highest recent rate; by half at once where the link has become much thinner.

        Two rates in a row must show that: a single request may have waited for its connection, or for this machine.
        """
        halved = self.value / 2
        if max(rate, self._rates[-1] if self._rates else rate) < halved:
            self._rates.clear()
        self._rates.append(rate)
        self.value = max(halved, *self._rates)

    def halve(self) -> None:
        """Halve the bandwidth, and forget what was measured before."""
        self.value = max(self._least, self.value / 2)
        self._rates.clear()
        self._at_growth = min(self._at_growth, self.value)

    def has_grown(self, requests: int) -> bool:
        """Return whether the last request that was added to make `requests` brought more throughput.

        One request more should bring 1/n more. Half of that is no accident.
        """
        if self.value <= self._at_growth * (1 + 0.5 / requests):
            return False
        self._at_growth = self.value
        return True

    def forget_growth(self) -> None:
        """Make the next comparison of `has_grown` true: the earlier ones are void."""
        self._at_growth = 0.0
