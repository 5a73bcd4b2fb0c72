"""The answer latency of one endpoint: the time from the last byte sent to the first byte received."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

SLOW_ANSWER_SECS = 1.0
"""Answers within this time never count as slow: the bridge itself lets bytes wait longer for the link."""

PROVEN_GAIN = 2
"""Growth of the bytes in flight per answer time while the latency stays, as in TCP's slow start (RFC 5681)."""

# Factor below which two loads count as equal, because requests differ in size.
_SAME_LEVEL = 1.25

# The latency is the minimum over this number of answers: one fast answer among slow ones shows that the endpoint can be
# fast.
_SAMPLES = 8


class Load(NamedTuple):
    """Bytes in flight during one request, including its own."""

    in_flight: int
    """All bytes that were in flight when it started."""
    ahead: int
    """Bytes without a response when the request's last byte left: the contents of a queue at the endpoint."""


class _LatencySample(NamedTuple):
    secs: float
    load: Load


_NO_LOAD = Load(0, 0)


class AnswerLatency:
    """Lowest recent answer latency, and the load at which it was measured. Not thread-safe."""

    def __init__(self) -> None:
        self.secs = 0.0
        """Seconds; 0 before the first answer."""
        self._samples: deque[_LatencySample] = deque(maxlen=_SAMPLES)
        # The load before the requests in flight increased, and the highest latency at that load.
        self._base = _LatencySample(0.0, _NO_LOAD)

    def is_slow(self, secs: float) -> bool:
        """Return whether an answer took so much longer than recent answers that something must have changed."""
        return secs > max(2 * self.secs, SLOW_ANSWER_SECS)

    @property
    def proven_bytes(self) -> int:
        """Largest number of bytes in flight that recently did not make an answer slower."""
        return max((sample.load.in_flight for sample in self._samples), default=0)

    def is_proven(self, load: Load) -> bool:
        """Return whether, with about the same number of bytes in flight, earlier answers were not slower."""
        return load.in_flight <= _SAME_LEVEL * self.proven_bytes

    def grew_with_load(self, secs: float, load: Load) -> bool:
        """Return whether more load has made an answer slower: more than 1.4 times with twice the load.

        An endpoint that serves one request after the other becomes twice as slow. A distant endpoint does not become
        slower.
        """
        base = self._base
        more = load.ahead > _SAME_LEVEL * base.load.ahead
        # This compares squares, to avoid a division by zero: secs / base.secs > sqrt(load / base load).
        return more and secs > SLOW_ANSWER_SECS and secs**2 * base.load.ahead > base.secs**2 * load.ahead

    def follow(self, lower: float, upper: float, load: Load) -> None:
        """Adapt the latency to an answer that was not slow.

        Lower it at once, but raise it only if all recent answers took longer. The answer's latency was between `lower`
        and `upper` seconds.
        """
        proven = not self.grew_with_load(lower, load)
        self._samples.append(_LatencySample(lower, load if proven else _NO_LOAD))
        # The latency falls to `upper` at once, but rises only to the lowest of the recent samples.
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
