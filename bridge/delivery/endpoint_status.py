"""The limits and measurements of one endpoint, as they are shown."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """Limits and measurements of one endpoint at one moment.

    `endpoint` is its host, or its URL where one is configured. Sizes are bytes on the wire. `bandwidth` is in bytes per
    second, 0 before the first answer. `answer_secs` is the lowest recent answer latency. `limited_secs`: for how long
    requests have had to wait for the link without a break. `outcome_unknown`: requests that may have been stored
    although no good answer came. `sent_bytes`: size of all requests that were answered.
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
