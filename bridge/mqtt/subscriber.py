"""One MQTT session, which the polling thread maintains for ever.

`poll` does all due work: connect to the next broker of the list, read a burst, let paho handle its packets, write,
ping, and detect a dead peer. It never raises for a fault of the network or broker. `state` contains the fault, and it
is logged once.
"""

from __future__ import annotations

import logging
import select
import socket
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.backoff import Backoff, Retries
from bridge.mqtt.client_id_conflict import ClientIdConflict
from bridge.mqtt.connection import Connection, ConnectionLost
from bridge.mqtt.packet_stream import ProtocolViolation
from bridge.mqtt.protocol_fallback import ProtocolFallback
from bridge.mqtt.publish_packet import publish_packet
from bridge.mqtt.subscriptions import Subscriptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bridge.mqtt.packet_stream import Publish
    from bridge.mqtt.session_settings import Address, SessionSettings

log = logging.getLogger(__name__)

_SETTLED_SECS = 10.0
"""Minimum lifetime of a successful session; a shorter one does not reset the back-off.

With a client ID conflict, the session must outlive the longest pause. Otherwise the two clients would keep taking the
session over from each other at short intervals.
"""

SHARED_IN_3_1_1 = (
    "MQTT 3.1.1 has no shared subscriptions of its own: brokers such as mosquitto 2 take them in it all the same, but "
    "one that does not know them may grant them and hand out nothing; if no messages come, use mqtt.protocol 5"
)


@dataclass(frozen=True, slots=True)
class SessionState:
    """State of the session. `problem` is "" without a fault; `rival` is "" without a sign of a client ID conflict.

    `attempts`: number of failed attempts since the broker last accepted a session.
    """

    broker: str
    protocol: str
    connected: bool
    subscribed: bool
    problem: str
    connections: int
    rival: str
    attempts: int = 0


class Subscriber:
    """Client side of the MQTT session.

    The ingest thread owns it. Other threads may use only `set_filters`, `wake`, `connected` and `state`.
    """

    def __init__(
        self,
        settings: SessionSettings,
        *,
        held: Iterable[str] = (),
        on_session: Callable[[bool], None] = lambda _present: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.subscriptions = Subscriptions(settings.share, maybe_subscribed=set(held))
        self._settings = settings
        self._on_session = on_session
        self._clock = clock
        self._retries = Retries(Backoff(1.0, settings.reconnect_max_secs))
        self._rival = ClientIdConflict()
        self._connection: Connection | None = None
        self._next_address = 0
        self._fallback = ProtocolFallback(settings.addresses, version_5=settings.version_5)
        self._dial_at = 0.0
        self._problem = ""
        self._attempts = 0
        self._logged: dict[Address, str] = {}
        self._told_of_share = False
        self._filters: Mapping[str, int] | None = None
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._closed = False
        self.connections = 0

    # -- any thread ------------------------------------------------------------------------------------------------

    def set_filters(self, filters: Mapping[str, int]) -> None:
        """Subscribe to these (filter → QoS) and to nothing else, as soon as `poll` runs."""
        # `poll` applies them, because the ingest thread owns the subscriptions.
        self._filters = filters
        self.wake()

    def wake(self) -> None:
        """Make a waiting `poll` return."""
        try:
            self._wake_writer.send(b"\0")
        except OSError:
            # The socket is full of wake-ups, or closed. In both cases no thread is waiting.
            return

    @property
    def connected(self) -> bool:
        """True while there is a connection. Without one, `poll` opens the next."""
        return self._connection is not None

    def state(self) -> SessionState:
        """Return the state of the session."""
        connection, address = self._connection, self._settings.addresses[self._next_address]
        return SessionState(
            broker=str(connection.address if connection else address),
            protocol="5" if (connection.version_5 if connection else self._fallback.version_5(address)) else "3.1.1",
            connected=bool(connection and connection.accepted),
            subscribed=bool(connection and connection.accepted and self.subscriptions.complete),
            problem=self._problem or self._refusals(),
            connections=self.connections,
            rival=self._rival.problem,
            attempts=self._attempts,
        )

    def _refusals(self) -> str:
        refused = dict(self.subscriptions.refused)
        return "; ".join(f"the broker refused the subscription to {text}: {why}" for text, why in refused.items())

    # -- the ingest thread -----------------------------------------------------------------------------------------

    def poll(self, timeout_secs: float, *, reading: bool = True) -> list[Publish]:
        """Wait up to `timeout_secs` for an event, then return the PUBLISH and PUBREL packets that arrived.

        With `reading` false (the spool is full), nothing is read from the connection. Pings still keep it alive.
        """
        if self._filters is not None:
            self.subscriptions.set_filters(self._filters)
            self._filters = None
        connection = self._connection
        if connection is None:
            self._dial_or_wait(timeout_secs)
            return []
        try:
            connection.wait(timeout_secs, self._wake_reader, reading=reading)
            self._drain_wake_ups()
            if reading:
                connection.read()
            connection.housekeep(reading=reading)
        except (ConnectionLost, OSError, ProtocolViolation) as error:
            self._on_disconnect(connection, str(error) or type(error).__name__, reset=_is_reset(error))
        else:
            if self._retries.attempts or self._logged:
                self._reset_backoff_if_stable(connection)
        return connection.wire.take_packets()

    def wait_for_more(self, secs: float) -> None:
        """Wait so that messages accumulate and the next `poll` reads them together. A `wake` ends the wait."""
        select.select([self._wake_reader], [], [], secs)

    def _reset_backoff_if_stable(self, connection: Connection) -> None:
        """Reset the back-off after a stable session.

        With a client ID conflict the pause stays at its maximum: one or two takeovers per minute.
        """
        now = self._clock()
        self._rival.look(now)
        longest = max(_SETTLED_SECS, self._settings.reconnect_max_secs)
        if now - connection.opened_at > (longest if self._rival.likely else _SETTLED_SECS):
            self._retries.reset()
            self._logged.clear()

    def acknowledge(self, connection_number: int, packets: bytes) -> None:
        """Send PUBACK, PUBREC and PUBCOMP packets, unless their connection has ended.

        Acknowledgements are never sent on a later connection: the broker redelivers unacknowledged messages there.
        """
        connection = self._connection
        if connection is None or connection_number != self.connections:
            return
        try:
            connection.wire.write(packets)
        except OSError as error:
            self._on_disconnect(connection, str(error), reset=_is_reset(error))

    def publish_acknowledged(self, topic: str, payload: bytes) -> None:
        """Send a message with QoS 1, if there is a session. `poll` sends it and receives the acknowledgement."""
        if self._connection is not None and self._connection.accepted:
            self._connection.publish(topic, payload)

    @property
    def publish_acks(self) -> tuple[int, str]:
        """Number of QoS 1 messages acknowledged on this connection, and the reason of the last refusal, or ""."""
        connection = self._connection
        return (connection.published, connection.publish_refused_reason) if connection else (0, "")

    @property
    def limits(self) -> dict[str, Any]:
        """Properties of an MQTT 5 broker's CONNACK; {} for other brokers and without a connection."""
        return dict(self._connection.limits) if self._connection else {}

    def publish(self, topic: str, payload: bytes) -> None:
        """Send a message with QoS 0, if there is a session. There is no acknowledgement."""
        connection = self._connection
        if connection is None or not connection.accepted:
            return
        try:
            connection.wire.write(publish_packet(topic, payload, version_5=connection.version_5))
        except OSError as error:
            self._on_disconnect(connection, str(error), reset=_is_reset(error))

    def close(self) -> None:
        """Leave the session (a persistent one stays at the broker) and close the sockets."""
        if self._connection:
            self._connection.leave()
            self._connection = None
        if not self._closed:
            self._closed = True
            self._wake_reader.close()
            self._wake_writer.close()

    # -- connecting ------------------------------------------------------------------------------------------------

    def _dial_or_wait(self, timeout_secs: float) -> None:
        remaining = self._dial_at - self._clock()
        if remaining > 0:
            select.select([self._wake_reader], [], [], min(remaining, timeout_secs))
            self._drain_wake_ups()
            return
        address = self._settings.addresses[self._next_address]
        version_5 = self._fallback.version_5(address)
        connection = Connection(self._settings, address, self.subscriptions, version_5=version_5, clock=self._clock)
        connection.on_accepted = self._accepted
        try:
            connection.dial()
        except OSError as error:
            # An unreachable broker explains earlier closes better than another client does.
            self._rival.broker_away()
            self._schedule_reconnect(address, f"cannot connect to {address}: {_why(error)}")
        else:
            self.connections += 1
            self._connection = connection

    def _accepted(self, connection: Connection, session_present: bool) -> None:
        self._fallback.accepted(connection.address, version_5=connection.version_5)
        self._problem = ""
        self._attempts = 0
        if self._settings.version_5 and not connection.version_5:
            log.warning("%s does not take MQTT 5; speaking 3.1.1", connection.address)
        if self._settings.share and not connection.version_5 and not self._told_of_share:
            self._told_of_share = True
            log.warning("%s", SHARED_IN_3_1_1)
        self.subscriptions.connected(session_present=session_present)
        self._on_session(session_present)

    def _on_disconnect(self, connection: Connection, reason: str, *, reset: bool) -> None:
        address = connection.address
        connection.close()
        self._connection = None
        self._check_client_id_conflict(connection, reset=reset)
        if connection.wants_3_1_1:
            # The broker responded, so the attempt with 3.1.1 follows without a pause.
            self._fallback.refused_5(address)
            self._dial_at = 0.0
            return
        if not connection.accepted and not connection.refused:
            # No CONNACK: the broker may not support this MQTT version.
            self._fallback.unanswered(address)
        self._schedule_reconnect(address, f"{'lost' if connection.accepted else 'no session with'} {address}: {reason}")

    def _check_client_id_conflict(self, connection: Connection, *, reset: bool) -> None:
        if not connection.accepted:
            self._rival.broker_away()
        elif connection.closed or connection.taken_over or reset:
            known = self._rival.problem
            self._rival.record_close(self._clock(), told=connection.taken_over, reset=reset)
            if self._rival.problem and not known:
                log.error("%s", self._rival.problem)
            if self._rival.certain:
                # Short pauses would only make the two clients take the session over more often.
                self._retries.exhaust()

    def _schedule_reconnect(self, address: Address, problem: str) -> None:
        self._problem = problem
        self._attempts += 1
        # Only a changed problem is logged: otherwise a long outage would add a line per attempt.
        if problem != self._logged.get(address):
            self._logged[address] = problem
            log.warning("%s; trying again until it works", problem)
        self._next_address = (self._settings.addresses.index(address) + 1) % len(self._settings.addresses)
        # The other brokers of the list are tried at once; the wait follows the last one.
        self._dial_at = self._clock() + (self._retries.next_secs() if self._next_address == 0 else 0.0)

    def _drain_wake_ups(self) -> None:
        try:
            while self._wake_reader.recv(4096):
                pass
        except OSError:
            return


def _is_reset(error: Exception) -> bool:
    """Return whether the peer ended the connection outside MQTT: by a reset, or in the middle of TLS."""
    return isinstance(error, ConnectionError | ssl.SSLEOFError)


def _why(error: OSError) -> str:
    text = str(error) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return f"{text}; the broker's certificate is not signed by mqtt.tls.ca_file, or is for another host name"
    return text
