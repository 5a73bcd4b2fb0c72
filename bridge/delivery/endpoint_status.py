"""Limits and measurements of one endpoint, for the command `status`, the status page and the metrics."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """Limits and measurements of one endpoint at one time.

    `endpoint` is the configured URL, or the region if no URL is configured. Sizes are bytes on the wire. `bandwidth` is
    in bytes per second, and 0 before the first answer. `answer_secs` is the lowest recent answer latency in seconds,
    and 0 while it is unknown. `limited_secs` is the time in seconds for which requests have waited for the link without
    interruption. `outcome_unknown` counts the requests that ended without a valid answer. Their records may be in the
    stream. `sent_bytes` is the total size of the requests that were answered.
    """

    endpoint: str
    bandwidth: float
    answer_secs: float
    request_bytes: int
    window_bytes: int
    max_requests: int
    requests: int
    bytes_in_flight: int
    timeouts: int
    limited_secs: float
    outcome_unknown: int = 0
    sent_bytes: int = 0
