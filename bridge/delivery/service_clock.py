"""Clock of Kinesis, from the Date headers of its responses.

Bridges that share a shard must pause at the same time, although the clock of an edge box may be wrong. Each response
limits the possible offset of the service's clock: it was written after the request was sent, before it was received,
and within the second of its Date header.

    date <= local time of writing + offset < date + 1

After many responses, the interval of possible offsets is hardly longer than a round trip.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.aws.transport.measurement import RequestMeasurement

_MAX_UNCERTAINTY_SECS = 0.5
# Assumed drift between two clocks in seconds per second: twice that of quartz oscillators.
_DRIFT = 1e-4


class ServiceClock:
    """Clock of one endpoint, as seen from a local monotonic clock. Not thread-safe."""

    def __init__(self) -> None:
        self._earliest = -math.inf
        self._latest = math.inf
        self._observed_at = 0.0

    def observe(self, measurement: RequestMeasurement) -> None:
        """Learn from the Date of a response, and from the times of its request and response."""
        date, sent_at, received_at = measurement.date, measurement.started_at, measurement.answered_at
        if date is None or sent_at is None or received_at is None:
            return
        drift = _DRIFT * max(0.0, received_at - self._observed_at)
        self._observed_at = max(self._observed_at, received_at)
        # The old bounds are widened by the drift since then, and the new ones can only narrow them.
        self._earliest = max(self._earliest - drift, date - received_at)
        self._latest = min(self._latest + drift, date + 1 - sent_at)
        if self._earliest > self._latest:  # one of the clocks was set, or the machine was suspended
            self._earliest, self._latest = date - received_at, date + 1 - sent_at

    def time(self, now: float) -> float | None:
        """Return the service's time in seconds since the epoch, or None if it is not known to a quarter of a second."""
        uncertainty = self._latest - self._earliest + 2 * _DRIFT * max(0.0, now - self._observed_at)
        if uncertainty > _MAX_UNCERTAINTY_SECS:
            return None
        return now + (self._earliest + self._latest) / 2
