"""Bandwidth of one link, measured from the requests that are sent over it."""

from __future__ import annotations

from collections import deque

FIRST_BANDWIDTH = 32_000.0
"""Bytes per second that are assumed before the first measurement. The first request has at most 32 kB on the wire."""

# The bandwidth is the maximum of several samples, so that a single delayed request does not lower it.
_SAMPLES = 8


class LinkBandwidth:
    """Bytes per second of a link: the highest of the last samples, and at least `minimum`. Not thread-safe."""

    def __init__(self, minimum: float) -> None:
        self.value = FIRST_BANDWIDTH
        self.measured = False
        self._minimum = minimum
        self._rates: deque[float] = deque(maxlen=_SAMPLES)
        self._compared_value = 0.0

    def on_rate(self, rate: float, *, limited: bool) -> None:
        """Add a sample: the rate in bytes per second at which requests left, or were answered.

        `limited` is true if the bridge had more to send than the link carried. A higher rate raises the bandwidth at
        once. A lower rate counts only if `limited` is true.
        """
        if rate >= self.value or not self.measured:
            self.value = rate if limited else max(rate, self.value)
            self.measured = True
            self._rates.append(rate)
        elif limited:
            self._lower(rate)
        self._compared_value = min(self._compared_value, self.value)

    def _lower(self, rate: float) -> None:
        """Lower the bandwidth to the highest recent rate.

        If two consecutive rates are below half of the bandwidth, the link has become much slower, so the bandwidth is
        halved at once. A single low rate does not show this, because its request may have waited for the CPU.
        """
        halved = self.value / 2
        if max(rate, self._rates[-1] if self._rates else rate) < halved:
            self._rates.clear()
        self._rates.append(rate)
        self.value = max(halved, *self._rates)

    def halve(self, rate: float = 0.0) -> None:
        """Halve the bandwidth, but not below `rate`, and discard the earlier samples."""
        self.value = max(self._minimum, self.value / 2, min(rate, self.value))
        self._rates.clear()
        self._compared_value = min(self._compared_value, self.value)

    def has_grown(self, requests: int) -> bool:
        """Return whether the throughput has grown since the maximum number of requests was raised to `requests`.

        If the link was not full, the additional request raises the throughput by 1 / `requests`. Return True if at
        least half of this increase was measured.
        """
        if self.value <= self._compared_value * (1 + 0.5 / requests):
            return False
        self._compared_value = self.value
        return True

    def reset_growth(self) -> None:
        """Make the next call of `has_grown` return True, because earlier measurements no longer apply."""
        self._compared_value = 0.0
