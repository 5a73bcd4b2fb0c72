"""Limits and measurements of one endpoint, for status, page and metrics."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """Limits and measurements of one endpoint at one time.

    `endpoint` is its host, or its URL if one is configured. Sizes are bytes on the wire. `bandwidth` is in bytes per
    second, 0 before the first answer. `answer_secs` is the lowest recent answer latency, 0 while it is not known.
    `limited_secs`: for how many seconds requests have continuously had to wait for the link. `outcome_unknown`:
    requests whose records may be in the stream although no valid answer arrived. `sent_bytes`: size of all requests
    that were answered.
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
