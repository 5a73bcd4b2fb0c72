"""One connection to a broker, from CONNECT until it is closed."""

from __future__ import annotations

import logging
import select
import time
from typing import TYPE_CHECKING, Any

from paho.mqtt.subscribeoptions import SubscribeOptions

from bridge.mqtt.packet_stream import ProtocolViolation
from bridge.mqtt.paho_client import PahoClient
from bridge.mqtt.subscriptions import FILTERS_A_PACKET, Subscriptions

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from paho.mqtt.client import ConnectFlags, DisconnectFlags
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

    from bridge.mqtt.packet_stream import PacketStream
    from bridge.mqtt.session_settings import Address, SessionSettings

log = logging.getLogger(__name__)

MAX_BURST_MESSAGES = 2000
"""Maximum size of one transaction: its fsync costs little per message, and its commit takes little time."""
MAX_BURST_BYTES = 1024 * 1024
_RETRY_REFUSED_SECS = 60.0
"""Time until a subscription that the broker refused is requested again."""
_SUBACK_SECS = 30.0
"""Maximum wait for a SUBACK or UNSUBACK; after it the connection is closed."""
_LEAVE_SECS = 1.0
"""Maximum wait for the broker to close the connection after DISCONNECT."""
_PINGREQ = b"\xc0\x00"
_DISCONNECT = b"\xe0\x00"
_CLOSED = "; if that happens again and again, another client may be using the same mqtt.client_id"
"""Hint for a close without a reason. Neither a 3.1.1 broker nor mosquitto 2.0.11 in version 5 reports a takeover."""
_TAKEN_OVER = "Session taken over"
_RETAIN_IF_NEW = 1
"""MQTT 5 retain handling: the broker sends retained messages only for a new subscription, not at each reconnect."""


class ConnectionLost(Exception):
    """The connection has ended. The text contains the reason."""


class Connection:
    """paho's client, its packet stream, and their timeouts. A new one is created for each attempt.

    Not thread-safe: the ingest thread owns it.
    """

    def __init__(
        self,
        settings: SessionSettings,
        address: Address,
        subscriptions: Subscriptions,
        *,
        version_5: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.address = address
        self.version_5 = version_5
        self.accepted = self.refused = self.wants_3_1_1 = False
        self.closed = self.taken_over = False
        """`closed`: the broker closed without a reason. `taken_over`: the broker reported another client of this id."""
        self.opened_at = 0.0
        self.limits: dict[str, Any] = {}
        """Properties of an MQTT 5 broker's CONNACK, by the names of the specification."""
        self.published = 0
        """Number of QoS 1 messages to which the broker has responded."""
        self.publish_refused_reason = ""
        """The broker's reason for the last message that it refused; "" if it refused none."""
        self.on_accepted: Callable[[Connection, bool], None] = lambda _connection, _present: None
        self._settings = settings
        self._subscriptions = subscriptions
        self._clock = clock
        self._end = ""
        self._announced = False
        self._last_received_at = self._subscribe_sent_at = self._pinged_at = self._housekept_at = self._refused_at = 0.0
        self._heard_bytes = 0
        self._poller = select.poll()
        self._keepalive_secs = float(settings.keepalive_secs)

    def dial(self) -> None:
        """Connect, do the TLS and WebSocket handshakes, and send CONNECT. Raises OSError."""
        self._client = PahoClient(self._settings, self.address, version_5=self.version_5)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_unsubscribe = self._on_unsubscribe
        self._client.on_publish = self._on_publish
        try:
            self.wire: PacketStream = self._client.dial()
            # paho reports a connection that breaks while it sends CONNECT only by its callback.
            if self._end:
                raise ConnectionResetError(self._end)
        except (ValueError, LookupError) as error:
            # paho's WebSocket handshake raises these for a response that is not HTTP.
            raise OSError(f"{type(error).__name__}: {error}") from error
        self._poller.register(self.wire.fileno(), select.POLLIN)
        self.opened_at = self._last_received_at = self._clock()

    # -- each round ------------------------------------------------------------------------------------------------

    def wait(self, timeout_secs: float, wake: socket.socket, *, reading: bool) -> None:
        """Wait until the broker has sent data, accepts unsent data, or `wake` is readable; at most `timeout_secs`.

        With `reading` false, arriving data does not end the wait. Raises ConnectionLost or ConnectionResetError.
        """
        if self.wire.fileno() < 0:
            # paho closes the socket without a report when a write fails.
            raise ConnectionLost("the connection broke")
        # TLS may have decrypted data already that poll cannot see.
        if reading and self.wire.pending():
            return
        events = (select.POLLIN if reading else 0) | (select.POLLOUT if self.wire.unsent_bytes else 0)
        self._poller.modify(self.wire.fileno(), events)
        self._poller.register(wake.fileno(), select.POLLIN)
        ready = dict(self._poller.poll(timeout_secs * 1000))
        if not reading and ready.get(self.wire.fileno(), 0) & (select.POLLHUP | select.POLLERR):
            # While reading is paused, the end of the stream is never read, and every wait would return at once.
            raise ConnectionResetError("the connection broke")

    def read(self) -> None:
        """Read a burst from the connection and let paho handle its own packets.

        Raises OSError, ConnectionLost or ProtocolViolation.
        """
        wire, client = self.wire, self._client
        start = wire.bytes_received
        # The limits end the loop also if the broker sends faster than the bridge reads.
        while wire.read() and len(wire.packets) < MAX_BURST_MESSAGES and wire.bytes_received - start < MAX_BURST_BYTES:
            pass
        if wire.connack and not self.accepted:
            self._look_at_connack(wire.connack)
        while wire.has_control_packets and not self._end:
            try:
                client.loop_read()
            except Exception as error:
                # paho's parsers index and unpack unchecked data of the peer, so any exception means malformed data.
                raise ProtocolViolation(f"a malformed packet ({type(error).__name__}: {error})") from error
        if self._end:
            raise ConnectionLost(self._end)
        if wire.eof:
            self.closed = True
            raise ConnectionLost("the broker closed the connection" + (_CLOSED if self.accepted else " before CONNACK"))

    def _look_at_connack(self, connack: bytes) -> None:
        """Raise ConnectionLost if the broker knows only 3.1.1: it responds to MQTT 5 with the shorter 3.1.1 CONNACK."""
        if self.version_5 and len(connack) == 4:  # noqa: PLR2004  version 5 has a property length: at least 5 bytes
            self.wants_3_1_1 = True
            raise ConnectionLost("the broker does not take MQTT 5")

    def housekeep(self, *, reading: bool) -> None:
        """Send pending data and subscription changes; once a second, send keepalives and check the timeouts.

        Raises the same errors as `read`.
        """
        self.wire.flush()
        now = self._clock()
        if self.wire.bytes_received != self._heard_bytes:
            self._heard_bytes, self._last_received_at = self.wire.bytes_received, now
        # One set of changes at a time: the next is computed from the broker's responses to the last.
        if self.accepted and not self._subscriptions.waiting:
            self._reconcile(now)
        # With a short keepalive, once a second would be too rare.
        if now - self._housekept_at < min(1.0, self._keepalive_secs / 10):
            return
        self._housekept_at = now
        if reading:
            self._client.loop_misc()
            self._check_timeouts(now)
        else:
            self._keep_alive_unread(now)
        if self._client.want_write():
            self._client.loop_write()
        if self._end:
            raise ConnectionLost(self._end)

    def _check_timeouts(self, now: float) -> None:
        """Raise ConnectionLost if the CONNACK, a SUBACK or any other data is overdue.

        Paho pings after one keepalive interval without data. A peer that sends nothing for another half interval is
        dead.
        """
        if not self.accepted:
            if now - self.opened_at > self._settings.connect_timeout_secs:
                raise ConnectionLost(f"no CONNACK within {self._settings.connect_timeout_secs:g} s")
        elif now - self._last_received_at > 1.5 * self._keepalive_secs:
            raise ConnectionLost(
                f"nothing heard for {now - self._last_received_at:.0f} s (keepalive {self._keepalive_secs:g} s)"
            )
        if self._subscriptions.waiting and now - self._subscribe_sent_at > _SUBACK_SECS:
            raise ConnectionLost(f"no SUBACK within {_SUBACK_SECS:g} s")

    def _keep_alive_unread(self, now: float) -> None:
        """Send pings while reading is paused, so that the broker keeps the session; do not check for a dead peer.

        A PINGRESP would not be read.
        """
        self._last_received_at = now
        if now - self._pinged_at > self._keepalive_secs / 2:
            self._pinged_at = now
            self.wire.write(_PINGREQ)

    def publish(self, topic: str, payload: bytes) -> None:
        """Queue a QoS 1 message in paho, which respects the broker's limit of unacknowledged messages."""
        self._client.publish(topic, payload, qos=1)

    # -- subscriptions ---------------------------------------------------------------------------------------------

    def _reconcile(self, now: float) -> None:
        subscriptions = self._subscriptions
        if subscriptions.refused and now - self._refused_at > _RETRY_REFUSED_SECS:
            subscriptions.retry_refused()
        subscribe, unsubscribe = subscriptions.changes()
        for at in range(0, len(subscribe), FILTERS_A_PACKET):
            part = subscribe[at : at + FILTERS_A_PACKET]
            packet = self._client.subscribe([(text, self._options(qos)) for text, qos in part])[1]
            if packet is not None:
                subscriptions.on_subscribe_sent(packet, part)
        for at in range(0, len(unsubscribe), FILTERS_A_PACKET):
            packet = self._client.unsubscribe(unsubscribe[at : at + FILTERS_A_PACKET])[1]
            if packet is not None:
                subscriptions.on_unsubscribe_sent(packet, unsubscribe[at : at + FILTERS_A_PACKET])
        if subscribe or unsubscribe:
            self._subscribe_sent_at = now
            self._announced = False
        elif not self._announced and subscriptions.complete:
            self._announced = True
            log.info("subscribed", extra={"broker": str(self.address), "filters": len(subscriptions.wanted)})

    def _options(self, qos: int) -> Any:
        if not self.version_5:
            return qos
        # A shared subscription never gets retained messages, and some brokers refuse the option on one.
        handling = 0 if self._subscriptions.share else _RETAIN_IF_NEW
        return SubscribeOptions(qos=qos, retainHandling=handling)

    # -- paho's callbacks ------------------------------------------------------------------------------------------
    # They only set fields and do not raise: paho may discard an exception or stop working.

    def _on_connect(
        self, _client: object, _data: object, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self.refused = True
            self.wants_3_1_1 = self.version_5 and reason.getName() == "Unsupported protocol version"
            self._end = f"the broker refused the session: {reason.getName()}{_hint(reason.getName())}"
            return
        self.accepted = True
        self.limits = properties.json() if properties else {}  # type: ignore[no-untyped-call]  # paho ships none
        # An MQTT 5 broker may replace the requested keepalive interval (Server Keep Alive).
        self._keepalive_secs = float(getattr(properties, "ServerKeepAlive", None) or self._keepalive_secs)
        log.info("connected", extra={"broker": str(self.address), "session_present": flags.session_present})
        self.on_accepted(self, flags.session_present)

    def _on_disconnect(
        self, _client: object, _data: object, flags: DisconnectFlags, reason: ReasonCode, _properties: object
    ) -> None:
        self.taken_over = reason.getName() == _TAKEN_OVER
        who = "the broker ended the session" if flags.is_disconnect_packet_from_server else "the connection broke"
        # An earlier reason remains: that of a refused CONNECT is more specific.
        self._end = self._end or f"{who}: {reason.getName()}{_hint(reason.getName())}"

    def _on_subscribe(
        self, _client: object, _data: object, packet: int, reasons: list[ReasonCode], _properties: object
    ) -> None:
        answers = [(reason.value, reason.getName() + _hint(reason.getName())) for reason in reasons]
        refused = self._subscriptions.on_suback(packet, answers)
        for text in refused:
            log.error("the broker refused the subscription to %s: %s", text, self._subscriptions.refused[text])
            self._refused_at = self._clock()

    def _on_publish(
        self, _client: object, _data: object, _packet: int, reason: ReasonCode, _properties: object
    ) -> None:
        self.published += 1
        if reason.is_failure:
            self.publish_refused_reason = reason.getName()

    def _on_unsubscribe(self, _client: object, _data: object, packet: int, *_: object) -> None:
        self._subscriptions.on_unsuback(packet)

    # -- closing ---------------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Send DISCONNECT and wait briefly for the broker to close; a persistent session stays at the broker.

        Closing a socket that has unread bytes resets the connection. The broker would then never read the last
        acknowledgements, and would redeliver messages that are in the spool. paho's `disconnect` closes it that way.
        """
        try:
            self.wire.write(_DISCONNECT)
            self._drain_until_closed(self._clock() + _LEAVE_SECS)
        except (OSError, ProtocolViolation) as error:
            log.debug("leaving a broken connection: %s", error)
        self.close()

    def _drain_until_closed(self, deadline: float) -> None:
        """Send the unsent bytes and discard arriving messages, which the broker redelivers (not acknowledged)."""
        poller = select.poll()
        while not self.wire.eof and (left := deadline - self._clock()) > 0:
            poller.register(self.wire.fileno(), select.POLLIN | (select.POLLOUT if self.wire.unsent_bytes else 0))
            poller.poll(left * 1000)
            self.wire.flush()
            while self.wire.read():
                self.wire.take_packets()

    def close(self) -> None:
        """Close the socket."""
        self._client.on_disconnect = None
        self.wire.close()


def _hint(reason: str) -> str:
    return {
        "Bad user name or password": "; check mqtt.username and mqtt.password",
        "Not authorized": "; check mqtt.username and mqtt.password; or the broker's rules do not let this client id in",
        "Client identifier not valid": "; choose another mqtt.client_id",
        "Shared subscription not supported": "; use a broker that has them, or neither mqtt.share nor --workers",
        _TAKEN_OVER: "; another client uses the same mqtt.client_id: give each bridge its own",
    }.get(reason, "")
