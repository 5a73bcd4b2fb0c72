"""Settings of delivery."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.backoff import Backoff

if TYPE_CHECKING:
    from bridge.kinesis.bandwidth import BandwidthLimiter


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """Settings of all senders.

    `requests_in_flight` is the maximum number of requests in flight to one endpoint, for all its streams together. All
    endpoints share the limiter `bandwidth`. `linger_secs` is how long a record waits for others to share its request.
    `network_backoff` sets the intervals between probes of an unreachable endpoint. Its maximum of 10 s lets delivery
    resume soon after the network has recovered.
    """

    requests_in_flight: int = 16
    linger_secs: float = 0.1
    refused_retry_secs: float = 30.0
    record_backoff: Backoff = field(default_factory=lambda: Backoff(0.1, 2.0))
    request_backoff: Backoff = field(default_factory=lambda: Backoff(0.25, 30.0))
    network_backoff: Backoff = field(default_factory=lambda: Backoff(0.25, 10.0))
    bandwidth: BandwidthLimiter | None = None
