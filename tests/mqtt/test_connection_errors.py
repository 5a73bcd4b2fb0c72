"""Kind of end for each error: it decides whether a filter is suspected, and whether the session counts as unstable."""

import ssl

import pytest

from bridge.mqtt.connection_errors import ConnectionLost, end_kind, is_not_mqtt
from bridge.mqtt.packet_stream import ProtocolViolation
from bridge.mqtt.websocket import UpgradeRefused, WebSocketClosed

NORMAL_CLOSURE, POLICY_VIOLATION = 1000, 1008


@pytest.mark.parametrize(
    ("error", "end", "not_mqtt"),
    [
        (ConnectionLost("no CONNACK within 5 s"), "lost", False),
        (ConnectionLost("x", "closed"), "closed", True),
        (ConnectionLost("x", "disconnected"), "disconnected", False),
        (ConnectionResetError("x"), "reset", True),
        (BrokenPipeError("x"), "reset", True),
        (ssl.SSLEOFError("x"), "reset", True),
        (ssl.SSLError("decryption failed"), "lost", False),
        (TimeoutError("x"), "lost", False),
        (OSError("no route to host"), "lost", False),
        (ProtocolViolation("x"), "lost", True),
        (WebSocketClosed(NORMAL_CLOSURE, ""), "closed", True),
        (WebSocketClosed(POLICY_VIOLATION, "not authorized"), "disconnected", False),
        # No server listens, or the web server has responded, so the hint "not an MQTT broker" would be wrong.
        (ConnectionRefusedError("x"), "reset", False),
        (UpgradeRefused("404"), "reset", False),
    ],
    ids=repr,
)
def test_error_of_a_connection_has_its_kind_of_end(error, end, not_mqtt):
    assert end_kind(error) == end
    assert is_not_mqtt(error) is not_mqtt


def test_error_of_a_lost_connection_has_its_reason_as_text():
    assert str(ConnectionLost("no CONNACK within 5 s")) == "no CONNACK within 5 s"
