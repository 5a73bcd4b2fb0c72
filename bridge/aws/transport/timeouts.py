"""Time-outs of the transport."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TransportTimeouts:
    """Maximum times without progress, in seconds.

    `connect_timeout_secs` limits each step of the set-up: TCP, the proxy's response, and the TLS handshake.
    """

    connect_timeout_secs: float = 5.0
    stall_timeout_secs: float = 30.0
    """Maximum time in which no byte leaves this machine."""
    answer_timeout_secs: float = 30.0
    """Maximum time from the last byte sent to the first byte received, and between bytes of the response."""
    idle_timeout_secs: float = 15.0
    """Age at which an unused connection is closed rather than used again.

    If the other side has just closed the connection, a request on it may or may not have arrived. Amazon S3 closes idle
    connections after 20 s (https://github.com/vectordotdev/vector/pull/9703); Kinesis documents no figure.
    """
