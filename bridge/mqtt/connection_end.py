"""How a connection ended."""

from __future__ import annotations

import ssl
from typing import Literal

from bridge.mqtt.packet_stream import ProtocolViolation
from bridge.mqtt.websocket import UpgradeRefused, WebSocketClosed

End = Literal["closed", "reset", "disconnected", "lost"]
"""Way in which a connection ended.

`closed`: the broker closed it without a reason. `reset`: the broker, or something between, reset it. `disconnected`:
the broker sent a reason. `lost`: the bridge closed it, because data was missing or wrong.
"""


class ConnectionLost(Exception):
    """The connection has ended. The text contains the reason."""

    def __init__(self, reason: str, end: End = "lost") -> None:
        super().__init__(reason)
        self.end = end


def end_of(error: Exception) -> End:
    """Return how the connection ended, given the error that reported it."""
    if isinstance(error, ConnectionLost):
        return error.end
    # A CLOSE frame with the code "normal" is no more an explanation than a closed socket.
    if isinstance(error, WebSocketClosed):
        return "disconnected" if error.explained else "closed"
    # A reset, or the end of the stream inside a TLS record, is not an MQTT event.
    return "reset" if isinstance(error, ConnectionError | ssl.SSLEOFError) else "lost"


def no_mqtt(error: Exception) -> bool:
    """Return whether the error suggests that the peer is not an MQTT broker.

    Such a peer closes the connection, or sends other bytes. Use this only for a peer that has never accepted a session.
    """
    if isinstance(error, ConnectionRefusedError | UpgradeRefused):
        return False
    return isinstance(error, ProtocolViolation) or end_of(error) in ("closed", "reset")
