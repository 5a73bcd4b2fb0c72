"""Errors that end a connection, and the kind of end for each error."""

from __future__ import annotations

import ssl
from typing import Literal

from bridge.mqtt.packet_stream import ProtocolViolation
from bridge.mqtt.websocket import UpgradeRefused, WebSocketClosed

EndKind = Literal["closed", "reset", "disconnected", "lost"]
"""Way in which a connection ended.

`closed`: the broker closed it without a reason. `reset`: the broker, or a device on the way, reset it.
`disconnected`: the broker sent a reason. `lost`: the bridge closed it, because data was missing or wrong.
"""


class ConnectionLost(Exception):
    """The connection has ended. The text of the error contains the reason."""

    def __init__(self, reason: str, end: EndKind = "lost") -> None:
        super().__init__(reason)
        self.end = end


def end_kind(error: Exception) -> EndKind:
    """Return how the connection ended. `error` is the error that a read or write of the connection raised."""
    if isinstance(error, ConnectionLost):
        return error.end
    # A CLOSE frame without a reason (`explained` is false) counts as a closed socket.
    if isinstance(error, WebSocketClosed):
        return "disconnected" if error.explained else "closed"
    # SSLEOFError means that the connection broke within a TLS record. It counts as a reset.
    return "reset" if isinstance(error, ConnectionError | ssl.SSLEOFError) else "lost"


def is_not_mqtt(error: Exception) -> bool:
    """Return whether the error suggests that the peer is not an MQTT broker.

    A server of another protocol closes or resets the connection, or sends bytes that are not MQTT. Call this only for a
    peer that has never accepted a session, because a broker may also close or reset the connection.
    """
    if isinstance(error, ConnectionRefusedError | UpgradeRefused):
        return False
    return isinstance(error, ProtocolViolation) or end_kind(error) in ("closed", "reset")
