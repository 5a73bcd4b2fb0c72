"""A circuit breaker for complete requests. After a failure, all requests pause. Then one probe at a time is sent.

It is closed while requests succeed, open during the pause, and half-open while a probe is in flight.
https://learn.microsoft.com/azure/architecture/patterns/circuit-breaker
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.backoff import Backoff


class CircuitBreaker:
    """Circuit breaker of one stream or of one endpoint. Not thread-safe: the sender pool guards it.

    A request stores the `generation` in which it started. If several requests of one generation fail, they count as one
    failure.
    """

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self.failures = 0
        """Number of failures in a row."""
        self.generation = 0
        self._until = 0.0

    def wait_secs(self, now: float, in_flight: int) -> float:
        """Return the seconds during which no request may start.

        While a probe is in flight, this is the maximum back-off.
        """
        if not self.failures:
            return 0.0
        # The pool looks again when the probe ends, so this time only has to be long enough.
        if in_flight:
            return self._backoff.max_secs
        return max(0.0, self._until - now)

    def failed(self, generation: int, now: float, pause_secs: float | None = None) -> None:
        """Start a pause, because a complete request failed. It lasts `pause_secs`, or the time of the back-off."""
        # Another request of the same generation has already failed and started the pause. One outage counts as one
        # failure.
        if generation != self.generation:
            return
        self.generation += 1
        self.failures += 1
        self._until = now + (self._backoff.secs(self.failures) if pause_secs is None else pause_secs)

    def answered(self) -> None:
        """Close the circuit: a request was answered."""
        self.failures = 0
