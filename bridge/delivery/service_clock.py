"""Clock of Kinesis, estimated from the Date headers of its responses.

Bridges that share a shard must pause at the same time, but the clocks of their machines may be wrong. So the bridges
use the clock of Kinesis, which is the local clock plus an unknown offset. Each response limits the possible offsets.
Kinesis wrote the response after the request was sent, and before the response was received. The Date header contains
the second in which Kinesis wrote it:

    date <= local time of writing + offset < date + 1

After many responses, the interval of possible offsets is hardly longer than a round trip.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.aws.transport.measurement import RequestMeasurement

# Maximum length in seconds of the interval of possible offsets. The middle of the interval is used, so the error is at
# most half of its length.
_MAX_UNCERTAINTY_SECS = 0.5
# Assumed drift between two clocks in seconds per second. It is twice the drift of quartz oscillators.
_DRIFT = 1e-4


class ServiceClock:
    """Clock of one endpoint, relative to a local monotonic clock. Not thread-safe."""

    def __init__(self) -> None:
        self._earliest = -math.inf
        self._latest = math.inf
        self._observed_at = 0.0

    def observe(self, measurement: RequestMeasurement) -> None:
        """Narrow the possible offsets by the Date header of a response, and the local times of request and response."""
        date, sent_at, received_at = measurement.date, measurement.started_at, measurement.answered_at
        if date is None or sent_at is None or received_at is None:
            return
        drift = _DRIFT * max(0.0, received_at - self._observed_at)
        self._observed_at = max(self._observed_at, received_at)
        # The old bounds are widened by the possible drift since the last response. Then the new bounds narrow them.
        self._earliest = max(self._earliest - drift, date - received_at)
        self._latest = min(self._latest + drift, date + 1 - sent_at)
        if self._earliest > self._latest:  # one of the clocks was set, or the machine was suspended
            self._earliest, self._latest = date - received_at, date + 1 - sent_at

    def time(self, now: float) -> float | None:
        """Return the time of Kinesis in seconds since 1970, or None if its error may exceed a quarter of a second."""
        uncertainty = self._latest - self._earliest + 2 * _DRIFT * max(0.0, now - self._observed_at)
        if uncertainty > _MAX_UNCERTAINTY_SECS:
            return None
        return now + (self._earliest + self._latest) / 2
