"""The bandwidth of one link, measured while requests are in flight."""

from __future__ import annotations

from collections import deque

FIRST_BANDWIDTH = 32_000.0
"""Bytes per second assumed before the first measurement: the first request has at most 32 kB on the wire."""

# The bandwidth is the maximum of several samples, so that one low sample of a delayed request does not lower it.
_SAMPLES = 8


class LinkBandwidth:
    """Bytes per second that a link carries: the highest of the last samples, and at least `least`. Not thread-safe."""

    def __init__(self, least: float) -> None:
        self.value = FIRST_BANDWIDTH
        self.measured = False
        self._least = least
        self._rates: deque[float] = deque(maxlen=_SAMPLES)
        self._at_growth = 0.0

    def on_rate(self, rate: float, *, limited: bool) -> None:
        """Learn the rate at which requests left or were answered.

        A higher rate is adopted at once. A lower rate counts only if `limited` is true: the bridge had more to send
        than the link carried.
        """
        if rate >= self.value or not self.measured:
            self.value = rate if limited else max(rate, self.value)
            self.measured = True
            self._rates.append(rate)
        elif limited:
            self._lower(rate)
        self._at_growth = min(self._at_growth, self.value)

    def _lower(self, rate: float) -> None:
        """Lower the bandwidth to the highest recent rate, but at once by half if the link has become much slower.

        Two consecutive rates must show this, because a single request may have waited for its connection or for the
        CPU.
        """
        halved = self.value / 2
        if max(rate, self._rates[-1] if self._rates else rate) < halved:
            self._rates.clear()
        self._rates.append(rate)
        self.value = max(halved, *self._rates)

    def halve(self, rate: float = 0.0) -> None:
        """Halve the bandwidth, but not below this rate, and discard earlier samples."""
        self.value = max(self._least, self.value / 2, min(rate, self.value))
        self._rates.clear()
        self._at_growth = min(self._at_growth, self.value)

    def has_grown(self, requests: int) -> bool:
        """Return whether throughput has grown since the number of requests was raised to `requests`.

        One more request should bring 1/n more throughput. Half of that counts as growth.
        """
        if self.value <= self._at_growth * (1 + 0.5 / requests):
            return False
        self._at_growth = self.value
        return True

    def forget_growth(self) -> None:
        """Make the next call of `has_grown` return True, because earlier comparisons no longer apply."""
        self._at_growth = 0.0
