"""Time-outs of the transport."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TransportTimeouts:
    """Maximum times without progress, in seconds.

    `connect_timeout_secs` limits each step of setting up a connection: TCP, the proxy's response, the TLS handshake.
    """

    connect_timeout_secs: float = 5.0
    stall_timeout_secs: float = 30.0
    """Maximum time in which no byte leaves this machine while a request is being sent."""
    answer_timeout_secs: float = 30.0
    """Maximum time from the last byte of the request to the first byte of the response, and between later bytes."""
    idle_timeout_secs: float = 15.0
    """Time after which an unused connection is closed and not used again.

    If the server closes an idle connection while a request starts, it is unknown whether the request has arrived.
    Amazon S3 closes idle connections after 20 s (https://github.com/vectordotdev/vector/pull/9703). Kinesis documents
    no time.
    """
