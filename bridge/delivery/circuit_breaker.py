"""Circuit breaker: after the failure of a complete request, all requests pause, and then one probe is sent.

A probe is a normal request, but no other request is in flight with it. The circuit is closed while requests succeed,
open during the pause, and half-open while a probe is in flight.
https://learn.microsoft.com/azure/architecture/patterns/circuit-breaker
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.backoff import Backoff


class CircuitBreaker:
    """Circuit breaker of one stream or of one endpoint. Not thread-safe: callers hold the lock of the sender pool.

    Each counted failure begins a new `generation`. A request stores the generation in which it started. If several
    requests of one generation fail, they count as one failure, because they have the same cause.
    """

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self.failures = 0
        """Number of consecutive failures."""
        self.generation = 0
        self._until = 0.0

    def wait_secs(self, now: float, in_flight: int) -> float:
        """Return the seconds during which no request may start. `in_flight` is the number of requests in flight."""
        if not self.failures:
            return 0.0
        # A probe is in flight. The pool calls this method again when the probe ends, so any long time is correct.
        if in_flight:
            return self._backoff.max_secs
        return max(0.0, self._until - now)

    def failed(self, generation: int, now: float, pause_secs: float | None = None) -> None:
        """Start a pause of `pause_secs`, or of the length of the back-off, because a complete request failed."""
        # If the generations differ, another request of the same generation has already started the pause.
        if generation != self.generation:
            return
        self.generation += 1
        self.failures += 1
        self._until = now + (self._backoff.secs(self.failures) if pause_secs is None else pause_secs)

    def answered(self) -> None:
        """Close the circuit, because a request was answered."""
        self.failures = 0
