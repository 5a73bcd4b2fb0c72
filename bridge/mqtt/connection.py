"""One connection to a broker, from CONNECT until it is closed."""

from __future__ import annotations

import logging
import select
import time
from typing import TYPE_CHECKING, Any, Final

from bridge.mqtt.broker_limits import BrokerLimits
from bridge.mqtt.connection_errors import ConnectionLost
from bridge.mqtt.keepalive import Keepalive
from bridge.mqtt.packet_stream import ProtocolViolation
from bridge.mqtt.paho_client import PahoClient
from bridge.mqtt.publish_packet import publish_packet
from bridge.mqtt.reason_texts import (
    TAKEN_OVER,
    UNSUPPORTED_VERSION,
    error_text,
    response_text,
    return_code_text,
    subscription_text,
)
from bridge.mqtt.subscription_exchange import SubscriptionExchange
from bridge.mqtt.subscriptions import FAILURE

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from paho.mqtt.client import ConnectFlags, DisconnectFlags
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

    from bridge.mqtt.broker_address import BrokerAddress
    from bridge.mqtt.connection_errors import EndKind
    from bridge.mqtt.packet_stream import PacketStream
    from bridge.mqtt.settings import MqttSettings
    from bridge.mqtt.subscriptions import Subscriptions

log = logging.getLogger(__name__)

MAX_BURST_MESSAGES = 2000
"""Maximum number of messages in one burst, which is stored in one transaction.

With this number, the fsync costs little time per message, and one commit is still short.
"""
# Maximum size of a burst. Without it, 2,000 large messages would be a transaction of gigabytes.
MAX_BURST_BYTES = 1024 * 1024
# Maximum number of packets that paho handles in one call of `read`, so that thousands of them cannot delay a stop.
_MAX_CONTROL_PACKETS = 500
# Maximum time to wait after DISCONNECT until the broker closes the connection.
_LEAVE_SECS = 1.0
# Possible causes of a close without a reason. Brokers with MQTT 3.1.1, and mosquitto 2.0.11 with MQTT 5, do not report
# that another client has taken the session over.
_CLOSED = " (a restart, a limit, or another client with this client ID)"
_PINGREQ = b"\xc0\x00"
_DISCONNECT = b"\xe0\x00"
# Reason code of MQTT 5 for "Unsupported Protocol Version".
_UNSUPPORTED_VERSION_CODE: Final = 0x84
# Offset of the return code in a CONNACK of MQTT 3.1.1, which has exactly 4 bytes.
_CONNACK_CODE: Final = 3


class Connection:
    """One connection: paho's client, the packet stream, and the timeouts of both.

    Each attempt to connect creates a new object. Not thread-safe: only the ingest thread uses it.
    """

    def __init__(
        self,
        settings: MqttSettings,
        address: BrokerAddress,
        subscriptions: Subscriptions,
        *,
        version_5: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.address = address
        self.version_5 = version_5
        self.accepted = self.refused = self.refused_version = False
        self.taken_over = False
        """True if the broker reported that another client with this client ID took the session over."""
        self.session_present = False
        self.opened_at = self.accepted_at = 0.0
        self.properties: dict[str, Any] = {}
        """Properties in the CONNACK of an MQTT 5 broker. The keys are the names in the specification."""
        self.limits = BrokerLimits.of_3_1_1()
        self.published = 0
        """Number of QoS 1 messages to which the broker has responded."""
        self.publish_refused_reason = ""
        """Reason for the last refusal of a QoS 1 message, or "" if there was no refusal."""
        self.on_accepted: Callable[[Connection], None] = lambda _connection: None
        self.before_unsubscribe: Callable[[list[str]], bool] = lambda _filters: True
        self.quiet: Callable[[float], bool] = lambda _now: True
        """Function that returns whether all queued messages have probably arrived. Its argument is the clock time."""
        self._settings = settings
        self._subscriptions = subscriptions
        self._clock = clock
        self._ended = ""
        self._end: EndKind = "lost"
        self._housekept_at = 0.0
        self._last_bytes_received = 0
        self._poller = select.poll()
        self._keepalive = Keepalive(float(settings.keepalive_secs), clock())

    def dial(self) -> None:
        """Connect, do the TLS and WebSocket handshakes, and send CONNECT. Raises OSError."""
        self._client = PahoClient(self._settings, self.address, version_5=self.version_5)
        self.exchange = SubscriptionExchange(self._client, self._subscriptions, self.limits, version_5=self.version_5)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_unsubscribe = self._on_unsubscribe
        self._client.on_publish = self._on_publish
        self.wire: PacketStream = self._client.dial()
        # If the connection breaks while paho sends CONNECT, paho raises no error. It only calls `_on_disconnect`.
        if self._ended:
            raise ConnectionResetError(self._ended)
        self._poller.register(self.wire.fileno(), select.POLLIN)
        self.opened_at = self._clock()
        self._keepalive.on_received(self.opened_at)

    # -- each round ------------------------------------------------------------------------------------------------

    def wait(self, timeout_secs: float, wake: socket.socket, *, reading: bool) -> None:
        """Wait for data from the broker, for space to send buffered data, or for `wake`, but at most `timeout_secs`.

        If `reading` is false, data from the broker does not end the wait. Raises ConnectionLost or
        ConnectionResetError.
        """
        if self.wire.fileno() < 0:
            # If a write fails, paho closes the socket without an error.
            raise ConnectionLost(self._ended or "the connection broke")
        # The poller does not detect data that TLS has already decrypted, or control packets that were already read.
        if reading and (self.wire.pending() or self.wire.has_control_packets):
            return
        events = (select.POLLIN if reading else 0) | (select.POLLOUT if self.wire.unsent_bytes else 0)
        self._poller.modify(self.wire.fileno(), events)
        self._poller.register(wake.fileno(), select.POLLIN)
        ready = dict(self._poller.poll(timeout_secs * 1000))
        if not reading and ready.get(self.wire.fileno(), 0) & (select.POLLHUP | select.POLLERR):
            # While reading is paused, `read` cannot detect the end of the stream. Without this error, the poller would
            # return at once in every round, and the thread would use 100 % of a core.
            raise ConnectionResetError("the connection broke")

    def read(self) -> None:
        """Read a burst from the connection, and let paho handle the control packets in it.

        Raises OSError, ConnectionLost or ProtocolViolation.
        """
        wire = self.wire
        start = wire.bytes_received
        # The limits end the loop even if the broker sends faster than the bridge reads. Do not read while control
        # packets of the last round remain, because they must be handled first.
        while (
            not wire.has_control_packets
            and wire.read()
            and len(wire.packets) < MAX_BURST_MESSAGES
            and wire.bytes_received - start < MAX_BURST_BYTES
        ):
            pass
        if wire.connack and not self.accepted:
            self._check_connack(wire.connack)
        self._handle_control_packets()
        if self._ended:
            raise ConnectionLost(self._ended, self._end)
        if wire.eof and not wire.has_control_packets:
            if not self.accepted:
                raise ConnectionLost("the broker closed the connection before CONNACK", "closed")
            raise ConnectionLost(f"the broker closed the connection without a reason{_CLOSED}", "closed")

    def _handle_control_packets(self) -> None:
        for _ in range(_MAX_CONTROL_PACKETS):
            if not self.wire.has_control_packets or self._ended:
                return
            try:
                self._client.loop_read()
            except Exception as error:
                # paho does not check data before parsing it. So any exception means malformed data.
                raise ProtocolViolation(f"a malformed packet ({type(error).__name__}: {error})") from error

    def _check_connack(self, connack: bytes) -> None:
        """Raise ConnectionLost if the CONNACK is a refusal in the form of MQTT 3.1.1, which has no properties.

        paho does not report all such refusals. A broker that supports only 3.1.1 uses this form even if the bridge has
        requested MQTT 5. Some brokers with MQTT 5 use this form with a reason code of MQTT 5.
        """
        if len(connack) != 4:  # noqa: PLR2004  in MQTT 5, a CONNACK has at least 5 bytes
            return
        code = connack[_CONNACK_CODE]
        if self.version_5 and (code < FAILURE or code == _UNSUPPORTED_VERSION_CODE):
            self.refused = self.refused_version = True
            raise ConnectionLost("the broker does not support MQTT 5", "disconnected")
        if code:
            self.refused = True
            raise ConnectionLost(f"the broker refused the session: {return_code_text(code)}", "disconnected")

    def housekeep(self, *, reading: bool) -> None:
        """Send pending data and subscription changes. About once a second, also send pings and check the timeouts.

        Raises the same errors as `read`.
        """
        self.wire.flush()
        now = self._clock()
        if self.wire.bytes_received != self._last_bytes_received or not reading:
            # While reading is paused, the bridge cannot receive a PINGRESP. So assume that the broker is alive.
            self._last_bytes_received = self.wire.bytes_received
            self._keepalive.on_received(now)
        if self.accepted:
            self._advance(now)
        # Do the rest about once a second, or more often if the keepalive interval is shorter than 10 seconds.
        if now - self._housekept_at < min(1.0, self._keepalive.interval_secs / 10):
            return
        self._housekept_at = now
        if self.accepted and self._keepalive.ping_due(now):
            self.wire.write(_PINGREQ)
        if reading:
            self._check_timeouts(now)
        if self._client.want_write():
            self._client.loop_write()
        if self._ended:
            raise ConnectionLost(self._ended, self._end)

    def _advance(self, now: float) -> None:
        exchange, subscriptions = self.exchange, self._subscriptions
        settled = exchange.advance(now, quiet=self.quiet(now), before_unsubscribe=self.before_unsubscribe)
        if settled and not exchange.announced and subscriptions.complete:
            exchange.announced = True
            log.info("subscribed", extra={"broker": str(self.address), "filters": len(subscriptions.wanted)})

    def _check_timeouts(self, now: float) -> None:
        """Raise ConnectionLost if CONNACK, other data or the response to a SUBSCRIBE has not arrived in time."""
        if not self.accepted:
            if now - self.opened_at > self._settings.connect_timeout_secs:
                raise ConnectionLost(f"no CONNACK within {self._settings.connect_timeout_secs:g} s")
            return
        silent = self._keepalive.silent_secs(now)
        if silent is not None:
            raise ConnectionLost(f"no data for {silent:.0f} s (keepalive {self._keepalive.interval_secs:g} s)")
        if not self.exchange.check_responses(now):
            raise ConnectionLost("the broker has not responded to any SUBSCRIBE")

    # -- publishing ------------------------------------------------------------------------------------------------

    def publish(self, topic: str, payload: bytes) -> None:
        """Send a message with QoS 0. Discard it if it exceeds the broker's Maximum Packet Size. Raises OSError."""
        packet = publish_packet(topic, payload, version_5=self.version_5)
        if self.limits.packet_bytes is not None and len(packet) > self.limits.packet_bytes:
            # The broker closes the connection if it receives such a message.
            log.error("a message to %s exceeds the broker's Maximum Packet Size and is not sent", topic)
            return
        self.wire.write(packet)

    def publish_acknowledged(self, topic: str, payload: bytes) -> None:
        """Pass a QoS 1 message to paho, which sends it as soon as the broker's Receive Maximum permits."""
        self._client.publish(topic, payload, qos=1)

    # -- paho's callbacks ------------------------------------------------------------------------------------------
    # They only set fields and never raise an exception, because paho may discard the exception or stop working.

    def _on_connect(
        self, _client: object, _data: object, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if self.accepted:
            self._ended = self._ended or "the broker sent a second CONNACK"
            return
        if reason.is_failure:
            self.refused, self._end = True, "disconnected"
            self.refused_version = self.version_5 and reason.getName() == UNSUPPORTED_VERSION
            self._ended = f"the broker refused the session: {response_text(reason, properties)}"
            return
        self.accepted, self.session_present = True, flags.session_present
        self.accepted_at = self._clock()
        if self.version_5:
            self.properties = properties.json() if properties else {}  # type: ignore[no-untyped-call]  # paho has no types for this call
            self.limits = self.exchange.limits = BrokerLimits.of_connack(self.properties)
        self._keepalive.on_accepted(self.limits.keepalive_secs, self.accepted_at)
        log.info("connected", extra={"broker": str(self.address), "session_present": flags.session_present})
        self.on_accepted(self)

    def _on_disconnect(
        self, _client: object, _data: object, flags: DisconnectFlags, reason: ReasonCode, properties: object
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self.taken_over = reason.getName() == TAKEN_OVER
            self._end = "disconnected"
            text = f"the broker ended the session: {response_text(reason, properties)}"
        else:
            # If a write failed, paho does not report the reason, but the packet stream has stored it.
            error = self._client.wire.error if self._client.wire is not None else None
            text = f"the connection broke: {error_text(error) if error is not None else reason.getName()}"
        # Keep an earlier reason. The reason of a refused CONNECT explains more than the disconnect after it.
        self._ended = self._ended or text

    def _on_subscribe(
        self, _client: object, _data: object, packet: int, reasons: list[ReasonCode], properties: object
    ) -> None:
        responses = [(reason.value, subscription_text(reason, properties)) for reason in reasons]
        self.exchange.on_suback(packet, responses, self._clock())

    def _on_unsubscribe(
        self, _client: object, _data: object, packet: int, reasons: list[ReasonCode], properties: object
    ) -> None:
        responses = [(reason.value, response_text(reason, properties)) for reason in reasons or ()]
        self.exchange.on_unsuback(packet, responses, self._clock())

    def _on_publish(
        self, _client: object, _data: object, _packet: int, reason: ReasonCode, _properties: object
    ) -> None:
        self.published += 1
        if reason.is_failure:
            self.publish_refused_reason = reason.getName()

    # -- closing ---------------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Send DISCONNECT, and wait at most one second until the broker closes the connection.

        A persistent session stays at the broker. Do not use paho's `disconnect`, which closes the socket at once. If
        the socket has unread bytes, closing it resets the connection. The broker would then never read the last
        acknowledgements, and would redeliver messages that are already in the spool.
        """
        try:
            self.wire.write(_DISCONNECT)
            self._drain_until_closed(self._clock() + _LEAVE_SECS)
        except (OSError, ProtocolViolation) as error:
            log.debug("leaving a broken connection: %s", error)
        self.close()

    def _drain_until_closed(self, deadline: float) -> None:
        """Send all unsent bytes, and read until the broker closes the connection or the deadline has passed.

        Messages that arrive are discarded. They are not acknowledged, so the broker redelivers them.
        """
        poller = select.poll()
        while not self.wire.eof and (left := deadline - self._clock()) > 0:
            poller.register(self.wire.fileno(), select.POLLIN | (select.POLLOUT if self.wire.unsent_bytes else 0))
            poller.poll(left * 1000)
            self.wire.flush()
            # The loop must end even if the broker never stops sending.
            while self.wire.read() and self._clock() < deadline:
                self.wire.take_packets()

    def close(self) -> None:
        """Close the socket."""
        self._client.on_disconnect = None
        self.wire.close()
