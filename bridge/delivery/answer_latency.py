"""The answer latency of one endpoint: the time from the last byte sent to the first byte received."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

SLOW_ANSWER_SECS = 1.0
"""Seconds up to which an answer never counts as slow. The bridge itself lets bytes wait longer for the link."""

PROVEN_GAIN = 2
"""Factor by which the bytes in flight may grow during one answer latency, if the latency does not grow.

TCP's slow start uses the same factor (RFC 5681).
"""

# Two loads count as equal up to this ratio, because requests differ in size.
_SAME_LEVEL = 1.25

# Number of recent answers. The latency is their minimum, because a single fast answer shows that the endpoint is fast.
_SAMPLES = 8


class Load(NamedTuple):
    """Number of bytes in flight during one request, including the bytes of the request itself."""

    in_flight: int
    """Bytes in flight when the request started."""
    ahead: int
    """Bytes without an answer when the last byte of the request left. If the endpoint queues requests, these bytes are
    in its queue."""


class _LatencySample(NamedTuple):
    secs: float
    load: Load


_NO_LOAD = Load(0, 0)


class AnswerLatency:
    """Lowest recent answer latency, and the load at which it was measured. Not thread-safe."""

    def __init__(self) -> None:
        self.secs = 0.0
        """Latency in seconds; 0 before the first answer."""
        self._samples: deque[_LatencySample] = deque(maxlen=_SAMPLES)
        # Load before the number of requests in flight increased, and the highest latency at that load.
        self._base = _LatencySample(0.0, _NO_LOAD)

    def is_slow(self, secs: float) -> bool:
        """Return whether an answer took more than twice as long as recent answers, and longer than a second."""
        return secs > max(2 * self.secs, SLOW_ANSWER_SECS)

    @property
    def proven_bytes(self) -> int:
        """Largest number of bytes in flight that recently did not make an answer slower."""
        return max((sample.load.in_flight for sample in self._samples), default=0)

    def is_proven(self, load: Load) -> bool:
        """Return whether recent answers were fast with about as many bytes in flight, or with more."""
        return load.in_flight <= _SAME_LEVEL * self.proven_bytes

    def grew_with_load(self, secs: float, load: Load) -> bool:
        """Return whether a higher load has made an answer slower.

        Example: with twice the load, the answer took more than 1.4 times as long. If an endpoint serves one request
        after the other, twice the load doubles the latency. If an endpoint is only far away, the load has no effect.
        """
        base = self._base
        more = load.ahead > _SAME_LEVEL * base.load.ahead
        # The condition is secs / base.secs > sqrt(load / base load). Squares are compared to avoid a division by zero.
        return more and secs > SLOW_ANSWER_SECS and secs**2 * base.load.ahead > base.secs**2 * load.ahead

    def follow(self, lower: float, upper: float, load: Load) -> None:
        """Adapt the latency to an answer that was not slow, and took between `lower` and `upper` seconds.

        The latency falls at once, but rises only if all recent answers took longer.
        """
        proven = not self.grew_with_load(lower, load)
        self._samples.append(_LatencySample(lower, load if proven else _NO_LOAD))
        self.secs = max(min(self.secs, upper), min(sample.secs for sample in self._samples))
        base = self._base
        if 2 * lower < base.secs or not base.secs:  # the endpoint has become faster
            self._base = _LatencySample(lower, load)
        elif load.ahead <= _SAME_LEVEL * base.load.ahead:
            self._base = _LatencySample(max(base.secs, lower), base.load)

    def jump(self, secs: float, load: Load) -> None:
        """Set the latency at once, because the endpoint has become slower and earlier measurements no longer apply."""
        self.secs = secs
        self._base = _LatencySample(secs, load)
        self._samples.clear()
        self._samples.append(self._base)
