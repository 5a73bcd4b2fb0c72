"""paho's client with a `PacketStream` as its socket.

The bridge overrides a private method of paho, `_create_socket`. For this reason, pyproject.toml limits the versions of
paho, and tests/mqtt/test_paho_client.py checks the behaviour of this method.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from bridge.mqtt.packet_stream import PacketStream
from bridge.mqtt.websocket import WebSocket

if TYPE_CHECKING:
    import ssl

    from bridge.mqtt.broker_address import BrokerAddress
    from bridge.mqtt.settings import MqttSettings


class PahoClient(paho.Client):
    """Client for one attempt to connect. Each attempt creates a new client, without the state of the old client."""

    wire: PacketStream | None = None
    """Byte stream of the connection, or None before paho opens its socket."""

    def __init__(self, settings: MqttSettings, address: BrokerAddress, *, version_5: bool) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            clean_session=None if version_5 else not settings.persistent,
            protocol=paho.MQTTv5 if version_5 else paho.MQTTv311,
            # The subscriber reconnects with a new client. If paho reconnected, the client would keep state of the old
            # connection, for example QoS 1 messages in flight.
            reconnect_on_failure=False,
            # The bridge sends the acknowledgement itself, after the spool's commit.
            manual_ack=True,
        )
        self._bridge_settings = settings
        self._bridge_address = address
        self._bridge_version_5 = version_5
        self.enable_logger(logging.getLogger("bridge.mqtt.paho"))
        self.connect_timeout = settings.connect_timeout_secs
        if settings.username is not None:
            password = settings.password.get_secret_value() if settings.password else None
            self.username_pw_set(settings.username, password)

    def dial(self) -> PacketStream:
        """Open the connection, send CONNECT and return the byte stream.

        Raises OSError. A failed TLS or WebSocket handshake is an OSError too.
        """
        settings, address = self._bridge_settings, self._bridge_address
        properties = None
        if self._bridge_version_5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho has no types for this call
            # Without a Receive Maximum, mosquitto would send at most 20 unacknowledged messages
            # (max_inflight_messages).
            properties.ReceiveMaximum = settings.receive_maximum
            # If this is 0, the broker deletes the session when the connection closes.
            properties.SessionExpiryInterval = settings.session_expiry_secs
        self.connect(
            address.host,
            address.port,
            keepalive=settings.keepalive_secs,
            clean_start=not settings.persistent if self._bridge_version_5 else paho.MQTT_CLEAN_START_FIRST_ONLY,
            properties=properties,
        )
        if self.wire is None:
            raise OSError("paho opened no socket")
        return self.wire

    def _create_socket(self) -> paho.SocketLike:
        settings, address = self._bridge_settings, self._bridge_address
        timeout_secs = settings.connect_timeout_secs
        # paho opens the TCP connection, and handles proxies and timeouts.
        sock = super()._create_socket()
        # The bridge does the TLS handshake itself, because paho does not close the socket of a failed handshake.
        try:
            if address.encrypted:
                sock = self._encrypted(sock)
            if address.websocket:
                sock.settimeout(timeout_secs)  # type: ignore[attr-defined]  # a real socket, plain or TLS
                sock = WebSocket(sock, address.authority, address.path or "/mqtt", timeout_secs=timeout_secs)
        except BaseException:
            sock.close()
            raise
        self.wire = PacketStream(
            sock,
            version_5=self._bridge_version_5,
            max_message_bytes=settings.max_message_bytes,
        )
        return self.wire

    def _encrypted(self, sock: Any) -> ssl.SSLSocket:
        """Return a TLS socket after the handshake. If the handshake fails, close the socket and raise OSError."""
        settings, address = self._bridge_settings, self._bridge_address
        context = settings.tls.context()
        encrypted = context.wrap_socket(sock, server_hostname=address.host, do_handshake_on_connect=False)
        # Call the handshake explicitly, so that the configured timeout applies and no error is hidden.
        try:
            encrypted.settimeout(settings.connect_timeout_secs)
            encrypted.do_handshake()
        except BaseException:
            encrypted.close()
            raise
        return encrypted
