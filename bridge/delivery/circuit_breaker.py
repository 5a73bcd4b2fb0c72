"""A circuit breaker for whole requests: after a failure all requests pause, then one at a time probes.

It is closed while requests succeed, open during the pause, and half-open while a probe is in flight.
https://learn.microsoft.com/azure/architecture/patterns/circuit-breaker
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.backoff import Backoff


class CircuitBreaker:
    """Pauses of one stream, or of one endpoint. Not thread-safe: the sender pool guards it.

    A request carries the `generation` of its start. Several that were in flight together and fail count as one failure.
    """

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self.failures = 0
        """Number of failures in a row."""
        self.generation = 0
        self._until = 0.0

    def wait_secs(self, now: float, in_flight: int) -> float:
        """Return how long no request may start: 0 when one may; while a probe is in flight, until it has ended."""
        if not self.failures:
            return 0.0
        if in_flight:
            return self._backoff.max_secs
        return max(0.0, self._until - now)

    def failed(self, generation: int, now: float, pause_secs: float | None = None) -> None:
        """Pause after a whole request failed: for `pause_secs`, or as long as the back-off says."""
        if generation != self.generation:
            return
        self.generation += 1
        self.failures += 1
        self._until = now + (self._backoff.secs(self.failures) if pause_secs is None else pause_secs)

    def answered(self) -> None:
        """Close the circuit: a request was answered."""
        self.failures = 0
