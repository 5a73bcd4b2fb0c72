"""When to try again. Not thread-safe: the sender guards it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.backoff import Backoff


class Pacing:
    """A stream's whole requests: while they fail, all workers wait, then one request at a time tries it.

    A request takes `epoch` with it when it starts. Several that fail together count as one failure.
    """

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self.failures = 0
        self.epoch = 0
        self._until = 0.0

    def wait_secs(self, now: float, in_flight: int) -> float:
        """How long no request may start: 0 when one may. While a probe is in flight, until it is back."""
        if not self.failures:
            return 0.0
        if in_flight:
            return self._backoff.max_secs
        return max(0.0, self._until - now)

    def failed(self, epoch: int, now: float, pause_secs: float | None = None) -> None:
        """A whole request failed: pause for `pause_secs`, or as the back-off says."""
        if epoch != self.epoch:
            return
        self.epoch += 1
        self.failures += 1
        self._until = now + (self._backoff.secs(self.failures) if pause_secs is None else pause_secs)

    def answered(self) -> None:
        """Kinesis answered a request: the way is free for all."""
        self.failures = 0
