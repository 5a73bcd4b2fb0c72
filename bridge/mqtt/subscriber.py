"""One MQTT session, from the first connection until it is closed.

The ingest thread calls `poll` repeatedly. `poll` connects to a broker in the list, reads packets, lets paho handle some
of them, writes, sends pings, and detects a dead peer. If the network or the broker fails, `poll` raises no error.
`state` describes the problem, and `poll` logs it once.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bridge.backoff import Backoff, Retries
from bridge.mqtt.broker_session import BrokerSession
from bridge.mqtt.client_id_conflict import ClientIdConflict
from bridge.mqtt.connection import Connection
from bridge.mqtt.connection_errors import ConnectionLost, end_kind, is_not_mqtt
from bridge.mqtt.lost_guarantees import SHARED_IN_3_1_1
from bridge.mqtt.packet_stream import ProtocolViolation
from bridge.mqtt.protocol_fallback import ProtocolFallback
from bridge.mqtt.publish_guard import PublishGuard
from bridge.mqtt.reason_texts import NO_CERTIFICATE, WRONG_PORT, error_text
from bridge.mqtt.session_status import SessionStatus
from bridge.mqtt.stored_session import StoredSession
from bridge.mqtt.subscription_exchange import omit_suspects
from bridge.mqtt.subscriptions import Subscriptions
from bridge.mqtt.wakeup_socket import WakeupSocket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bridge.mqtt.broker_address import BrokerAddress
    from bridge.mqtt.connection_errors import EndKind
    from bridge.mqtt.packet_stream import Publish
    from bridge.mqtt.settings import MqttSettings

log = logging.getLogger(__name__)

# Lifetime of a session after which the back-off is reset. With a client ID conflict, the session must also last longer
# than the longest pause. Otherwise, the two clients would take over the session from each other at short intervals.
_SETTLED_SECS = 10.0


class Subscriber:
    """The bridge's side of the MQTT session.

    Any thread may use `set_filters`, `wake`, `connected` and `state`. Only the ingest thread may use the other methods.
    """

    def __init__(
        self,
        settings: MqttSettings,
        *,
        maybe_subscribed: Iterable[str] = (),
        record: StoredSession | None = None,
        save: Callable[[StoredSession], bool] = lambda _record: True,
        on_session: Callable[[bool], None] = lambda _present: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare the session. The first call of `poll` connects.

        `maybe_subscribed` contains the filters that the broker's session may contain. `record` is the last record of
        the session that an earlier run passed to `save`. `on_session` is called at each connection. Its argument is
        False if the packet identifiers of the last connection are invalid.
        """
        separate = settings.separate_filters
        self.subscriptions = Subscriptions(settings.share, maybe_subscribed=set(maybe_subscribed), separate=separate)
        self._settings = settings
        self._on_session = on_session
        self._clock = clock
        self._retries = Retries(Backoff(1.0, settings.reconnect_max_secs))
        self._session = BrokerSession(settings, self.subscriptions, record or StoredSession(), save, clock)
        self._ends = ClientIdConflict(settings.client_id, settings.reconnect_max_secs)
        self._connection: Connection | None = None
        self._next_address = 0
        self._guard = PublishGuard()
        self._fallback = ProtocolFallback(settings.addresses, version_5=settings.version_5)
        self._dial_at = 0.0
        self._problem = ""
        self._attempts = 0
        self._logged: dict[BrokerAddress, str] = {}
        # Warnings that were already logged. Each warning is logged once in a run.
        self._warned: set[str] = set()
        # True if `poll` must end the session at once, to try MQTT 5 again.
        self._retry_5 = False
        self._filters: tuple[Mapping[str, int], Mapping[str, Mapping[str, int]] | None] | None = None
        self._wakeup = WakeupSocket()
        self.connections = 0

    # -- any thread ------------------------------------------------------------------------------------------------

    def set_filters(self, filters: Mapping[str, int], parts: Mapping[str, Mapping[str, int]] | None = None) -> None:
        """Let `poll` subscribe to these filters (filter → QoS), and unsubscribe from all others.

        A joined filter replaces several filters, which are its parts. `parts` maps joined filters to parts (filter →
        QoS). If the broker refuses the joined filter, `poll` requests its parts instead.
        """
        # Only store the filters here, because the ingest thread owns the subscriptions.
        self._filters = filters, parts
        self.wake()

    def wake(self) -> None:
        """End the wait of `poll`."""
        self._wakeup.send()

    @property
    def connected(self) -> bool:
        """True while there is a connection. If there is none, `poll` opens one."""
        return self._connection is not None

    def state(self) -> SessionStatus:
        """Return the state of the session."""
        connection, address = self._connection, self._settings.addresses[self._next_address]
        return SessionStatus(
            broker=str(connection.address if connection else address),
            protocol="5" if (connection.version_5 if connection else self._fallback.version_5(address)) else "3.1.1",
            connected=bool(connection and connection.accepted),
            subscribed=bool(connection and connection.accepted and self.subscriptions.complete),
            problem=self._problem or self._refusals(),
            connections=self.connections,
            conflict=self._ends.conflict,
            unstable=self._ends.unstable,
            attempts=self._attempts,
            lost_guarantees=self._session.lost_guarantees(connection),
        )

    def _refusals(self) -> str:
        refused = dict(self.subscriptions.refused)
        return "; ".join(f"the broker refused the subscription to {text}: {why}" for text, why in refused.items())

    # -- the ingest thread -----------------------------------------------------------------------------------------

    def poll(self, timeout_secs: float, *, reading: bool = True) -> list[Publish]:
        """Wait up to `timeout_secs` for an event. Then return the PUBLISH and PUBREL packets that have arrived.

        If `reading` is false, because the spool is full, read nothing from the connection. Pings keep the connection
        alive.
        """
        if self._filters is not None:
            self.subscriptions.set_filters(*self._filters)
            self._filters = None
        connection = self._connection
        if connection is None:
            self._dial_or_wait(timeout_secs)
            return []
        try:
            connection.wait(timeout_secs, self._wakeup.reader, reading=reading)
            self._wakeup.drain()
            if reading:
                connection.read()
            connection.housekeep(reading=reading)
        except (ConnectionLost, OSError, ProtocolViolation) as error:
            self._on_disconnect(connection, error)
        else:
            self._maintain(connection)
        burst = connection.wire.take_packets()
        if burst:
            self._session.on_messages()
        return burst

    def _maintain(self, connection: Connection) -> None:
        """Do the regular work for a connection: retry MQTT 5, save the record, reset the back-off."""
        if self._retry_5 or self._fallback.upgrade_due(connection.address, self._clock()):
            self._reconnect_with_5(connection)
            return
        self._session.save_if_changed()
        if self._retries.attempts or self._logged or self._ends.conflict or self._ends.unstable:
            self._reset_backoff_if_stable(connection)

    def wait_for_more(self, secs: float) -> None:
        """Wait, so that several messages arrive and the next `poll` reads them together. `wake` ends the wait."""
        self._wakeup.wait(secs)

    def _reset_backoff_if_stable(self, connection: Connection) -> None:
        """Reset the back-off if the session is stable.

        During a client ID conflict, the pauses stay at their maximum, to limit the takeovers to one or two per minute.
        """
        now = self._clock()
        session_secs = now - connection.accepted_at if connection.accepted else 0.0
        self._ends.update(now, session_secs)
        longest = max(_SETTLED_SECS, self._settings.reconnect_max_secs)
        if session_secs > (longest if self._ends.conflict else _SETTLED_SECS):
            self._retries.reset()
            self._logged.clear()

    def acknowledge(self, connection_number: int, packets: bytes) -> None:
        """Send PUBACK, PUBREC and PUBCOMP packets. Discard them if their connection has ended.

        The broker redelivers unacknowledged messages on the next connection, so old acknowledgements are useless there.
        """
        connection = self._connection
        if connection is None or connection_number != self.connections:
            return
        with suppress(OSError):  # the next `poll` reports the error, together with the broker's reason
            connection.wire.write(packets)

    def publish_acknowledged(self, topic: str, payload: bytes) -> None:
        """Send a message with QoS 1 if there is a session. `poll` then receives the acknowledgement."""
        if self._connection is not None and self._connection.accepted:
            self._connection.publish_acknowledged(topic, payload)

    @property
    def publish_acks(self) -> tuple[int, str]:
        """Number of QoS 1 messages that the broker has acknowledged or refused, and the reason of the last refusal."""
        connection = self._connection
        return (connection.published, connection.publish_refused_reason) if connection else (0, "")

    @property
    def limits(self) -> dict[str, Any]:
        """Properties in the CONNACK of an MQTT 5 broker, or {} for other brokers and without a connection."""
        return dict(self._connection.properties) if self._connection else {}

    def publish(self, topic: str, payload: bytes) -> None:
        """Send a message with QoS 0 if there is a session. The message is lost if the connection ends."""
        connection = self._connection
        if connection is None or not connection.accepted or not self._guard.may_publish(topic, self._clock()):
            return
        with suppress(OSError):  # the next `poll` reports the error
            connection.publish(topic, payload)

    def close(self) -> None:
        """Disconnect, and close the sockets. A persistent session stays at the broker."""
        if self._connection:
            self._connection.leave()
            self._connection = None
        self._wakeup.close()

    # -- connecting ------------------------------------------------------------------------------------------------

    def _dial_or_wait(self, timeout_secs: float) -> None:
        remaining = self._dial_at - self._clock()
        if remaining > 0:
            self._wakeup.wait(min(remaining, timeout_secs))
            self._wakeup.drain()
            return
        address = self._settings.addresses[self._next_address]
        version_5 = self._fallback.version_5(address)
        connection = Connection(self._settings, address, self.subscriptions, version_5=version_5, clock=self._clock)
        connection.on_accepted = self._accepted
        connection.before_unsubscribe = self._session.before_unsubscribe
        connection.quiet = self._session.quiet
        try:
            connection.dial()
        except OSError as error:
            # The broker is unreachable, so a fault of the broker has probably ended the last sessions.
            self._ends.broker_away()
            self._schedule_reconnect(address, f"cannot connect to {address}: {self._reason(address, error)}")
        else:
            self.connections += 1
            self._connection = connection

    def _accepted(self, connection: Connection) -> None:
        address, version_5 = connection.address, connection.version_5
        self._retry_5 = not self._fallback.accepted(address, self._clock(), version_5=version_5)
        self._problem = ""
        self._attempts = 0
        if not self._retry_5:
            if self._settings.version_5 and not version_5:
                self._warn_once(f"{address} does not support MQTT 5; using 3.1.1")
            if self._settings.share and not version_5:
                self._warn_once(SHARED_IN_3_1_1)
        self._on_session(self._session.on_accepted(connection))

    def _warn_once(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            log.warning("%s", text)

    def _reconnect_with_5(self, connection: Connection) -> None:
        connection.leave()
        self._connection = None
        self._retry_5 = False
        self._session.on_ended()
        self._fallback.try_5(connection.address)
        self._dial_at = 0.0

    def _on_disconnect(self, connection: Connection, error: Exception) -> None:
        address, now = connection.address, self._clock()
        end, reason = end_kind(error), self._reason(address, error)
        self._retry_5 = False
        # Some brokers end the connection instead of refusing a filter. So the filters without a response are suspects.
        unanswered = connection.exchange.unanswered if connection.accepted else []
        connection.close()
        self._connection = None
        if connection.accepted:
            self._session.on_ended()
            self._session.save_if_changed()
            self._fallback.ended(address, now)
        if unanswered and end != "lost":
            omit_suspects(self.subscriptions, unanswered, reason, now, weight=2 if end == "disconnected" else 1)
        self._record_end(connection, end, now, requesting=bool(unanswered))
        if connection.refused_version:
            # The broker is reachable, so try 3.1.1 without a pause.
            self._fallback.refused_5(address, now)
            self._dial_at = 0.0
            return
        if not connection.accepted and not connection.refused:
            # The broker sent no CONNACK, perhaps because it does not support this MQTT version.
            self._fallback.unanswered(address)
        self._schedule_reconnect(address, f"{'lost' if connection.accepted else 'no session with'} {address}: {reason}")

    def _reason(self, address: BrokerAddress, error: Exception) -> str:
        """Return the text of an error, with a hint if the peer may not be an MQTT broker."""
        if not is_not_mqtt(error) or self._fallback.known(address):
            return error_text(error)
        without = address.encrypted and not self._settings.tls.cert_file
        return error_text(error) + WRONG_PORT + (NO_CERTIFICATE if without else "")

    def _record_end(self, connection: Connection, end: EndKind, now: float, *, requesting: bool) -> None:
        """Record how a session ended. Do not count the end as instability if there is another explanation."""
        lived_secs = now - connection.accepted_at
        known = self._ends.conflict or self._ends.unstable
        if not connection.accepted:
            self._ends.broker_away()
        elif connection.taken_over:
            self._ends.record_takeover(now, lived_secs)
            # Use the longest pause. With short pauses, the two clients would take over the session from each other more
            # often.
            self._retries.exhaust()
        elif end == "lost" or requesting or self._guard.caused(now):
            return
        elif end != "disconnected":
            self._ends.record_end(now, lived_secs)
        text = self._ends.conflict or self._ends.unstable
        if text and not known:
            log.error("%s", text)

    def _schedule_reconnect(self, address: BrokerAddress, problem: str) -> None:
        self._problem = problem
        self._attempts += 1
        self._next_address = (self._settings.addresses.index(address) + 1) % len(self._settings.addresses)
        # Try the next broker in the list at once. Pause only after the last broker.
        pause = self._retries.next_secs() if self._next_address == 0 else 0.0
        self._dial_at = self._clock() + pause
        # Log a problem only if it has changed. Otherwise, a long outage would add a line for every attempt.
        if problem != self._logged.get(address):
            self._logged[address] = problem
            log.warning("%s; retrying (next attempt in %.1f s)", problem, pause)
