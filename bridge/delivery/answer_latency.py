"""The answer latency of one endpoint: from the last byte of a request that left to the first of the response."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

SLOW_ANSWER_SECS = 1.0
"""An answer within this time never counts as slow: the bridge itself lets more than that wait for the link."""

PROVEN_GAIN = 2
"""Requests in flight may double in each answer time while the latency stays, as in TCP's slow start (RFC 5681)."""

_SAME_LEVEL = 1.25
"""Requests differ in size: up to a quarter more bytes in flight are as many as before."""

_SAMPLES = 8


class Load(NamedTuple):
    """Bytes in flight beside one request, its own included."""

    in_flight: int
    """All that was in flight when it started."""
    ahead: int
    """Bytes that had left without a response when the last byte left: the contents of a queue at the endpoint."""


class _LatencySample(NamedTuple):
    secs: float
    load: Load


_NO_LOAD = Load(0, 0)


class AnswerLatency:
    """Lowest recent answer latency, and the load for which it was found. Not thread-safe."""

    def __init__(self) -> None:
        self.secs = 0.0
        """Seconds; 0 before the first answer."""
        self._samples: deque[_LatencySample] = deque(maxlen=_SAMPLES)
        self._base = _LatencySample(0.0, _NO_LOAD)
        """The load before requests in flight grew, and the highest latency with it."""

    def is_slow(self, secs: float) -> bool:
        """Return whether an answer takes much longer than the recent ones, which shows a change."""
        return secs > max(2 * self.secs, SLOW_ANSWER_SECS)

    @property
    def proven_bytes(self) -> int:
        """Largest number of bytes in flight that did not make an answer slower lately."""
        return max((sample.load.in_flight for sample in self._samples), default=0)

    def is_proven(self, load: Load) -> bool:
        """Return whether about as many bytes in flight did not make answers slower."""
        return load.in_flight <= _SAME_LEVEL * self.proven_bytes

    def grew_with_load(self, secs: float, load: Load) -> bool:
        """Return whether more load has made an answer slower: more than 1.4 times with twice the load.

        An endpoint that serves one request after the other becomes twice as slow, a distant one no slower.
        """
        base = self._base
        more = load.ahead > _SAME_LEVEL * base.load.ahead
        return more and secs > SLOW_ANSWER_SECS and secs**2 * base.load.ahead > base.secs**2 * load.ahead

    def follow(self, lower: float, upper: float, load: Load) -> None:
        """Follow an answer that was not slow: down at once, up if all recent answers took longer.

        The latency is between `lower` and `upper`, in seconds.
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
        """Take over a latency at once: the endpoint has become slower, and what was measured before is void."""
        self.secs = secs
        self._base = _LatencySample(secs, load)
        self._samples.clear()
        self._samples.append(self._base)
