"""Time-outs of the transport."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TransportTimeouts:
    """Limits on how long nothing may happen, in seconds.

    `connect_timeout_secs` bounds each step of the set-up: TCP, the proxy's response, the TLS handshake.
    """

    connect_timeout_secs: float = 5.0
    stall_timeout_secs: float = 30.0
    """Time without a byte that leaves this machine."""
    answer_timeout_secs: float = 30.0
    """Time from the last byte that left to the first of the response, and between bytes of the response."""
    idle_timeout_secs: float = 15.0
    """Age at which an unused connection is closed rather than used again.

    A request that meets a connection just closed by the other side may or may not have arrived. Amazon S3 closes idle
    connections after 20 s (https://github.com/vectordotdev/vector/pull/9703); Kinesis documents no figure.
    """
