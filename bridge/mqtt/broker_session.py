"""State of the broker's session across connections, and the guarantees that the broker does not grant."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from bridge.mqtt.broker_limits import BrokerLimits
from bridge.mqtt.lost_guarantees import LostGuarantee, SessionLoss, lost_guarantees
from bridge.mqtt.stored_session import StoredSession

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.mqtt.connection import Connection
    from bridge.mqtt.settings import MqttSettings
    from bridge.mqtt.subscriptions import Subscriptions

log = logging.getLogger(__name__)

QUIET_SECS: Final = 5.0
"""Seconds without a message after which the broker has probably delivered all queued messages."""
MAX_LEFTOVER_SECS: Final = 600.0
"""Maximum time to wait for queued messages before the bridge unsubscribes from unwanted filters of an earlier run.

mosquitto and HiveMQ queue 1,000 messages by default. On a link with 20 messages per round trip of 0.5 s, 24,000
messages arrive in this time.
"""
# Pause before the next attempt to write the record after an error.
_SAVE_SECS: Final = 1.0


class BrokerSession:
    """State of the session at the broker. The session may continue after the end of a connection or of the process.

    Only the ingest thread uses this class. `save` writes a record of the session to disk. It returns False if the
    record could not be written.
    """

    def __init__(
        self,
        settings: MqttSettings,
        subscriptions: Subscriptions,
        record: StoredSession,
        save: Callable[[StoredSession], bool],
        clock: Callable[[], float],
    ) -> None:
        self.record = record
        self.received_any = False
        """True if a message has arrived in this run."""
        self._settings = settings
        self._subscriptions = subscriptions
        self._save = save
        self._clock = clock
        self._saved_revision = 0
        self._save_at = 0.0
        self._received_at = self._accepted_at = 0.0
        self._ended_epoch_secs = 0.0
        self._loss: SessionLoss | None = None
        self._gave_up_waiting = False

    def on_accepted(self, connection: Connection) -> bool:
        """Begin the subscriptions of a connection that the broker has accepted.

        Return True if the connection continues the session of the last connection. If not, the packet identifiers of
        the last connection are invalid. Each broker in the list has a separate session.
        """
        now, broker = self._clock(), str(connection.address)
        self._accepted_at = self._received_at = now
        self._gave_up_waiting = False
        same = self.record.broker == broker
        present = connection.session_present and same
        # The record contains filters of an earlier session with this broker. The broker has discarded that session.
        if same and self.record.filters and not connection.session_present and self._settings.persistent:
            self._loss = SessionLoss(now, self._ended_epoch_secs, time.time())
            log.warning("%s: %s", broker, self._loss.text())
        # With MQTT 5, request every filter again. With the option Retain Handling, the broker does not send all
        # retained messages again. MQTT 3.1.1 has no such option, so request only new filters.
        known = dict(self.record.filters) if present and not connection.version_5 else {}
        if not present:
            # Delete the old record before the first SUBSCRIBE. Otherwise, after a crash, the record could contain
            # filters that the new session does not contain.
            known = {} if self._store(StoredSession(broker)) else known
        self._subscriptions.suspects.restore_qos(now)
        wanted = self._subscriptions.wanted
        self._subscriptions.begin(
            identifiers=connection.limits.identifiers,
            known={text: qos for text, qos in known.items() if text in wanted},
        )
        return present

    def on_ended(self) -> None:
        """Record that an accepted connection has ended."""
        self._ended_epoch_secs = time.time()

    def on_messages(self) -> None:
        """Record that messages arrived."""
        self.received_any = True
        self._received_at = self._clock()

    # -- the record ------------------------------------------------------------------------------------------------

    def _store(self, record: StoredSession) -> bool:
        if record == self.record:
            return True
        if not self._save(record):
            return False
        self.record = record
        return True

    def save_if_changed(self) -> None:
        """Write the record to disk if the broker has granted or removed a filter since the record was last written."""
        revision, now = self._subscriptions.revision, self._clock()
        if revision != self._saved_revision and now >= self._save_at:
            if self._store(StoredSession(self.record.broker, self._subscriptions.record())):
                self._saved_revision = revision
            else:
                # Without a pause, each call of `poll` would try to write to a full disk.
                self._save_at = now + _SAVE_SECS

    def before_unsubscribe(self, filters: list[str]) -> bool:
        """Remove filters from the record. If it cannot be written, return False, and keep the filters subscribed."""
        return self._store(self.record.without(filters))

    # -- messages and guarantees -----------------------------------------------------------------------------------

    def quiet(self, now: float) -> bool:
        """Return whether the broker has probably delivered all queued messages."""
        if now - self._received_at > QUIET_SECS:
            return True
        if now - self._accepted_at <= MAX_LEFTOVER_SECS:
            return False
        if self._subscriptions.leftovers and not self._gave_up_waiting:
            self._gave_up_waiting = True
            log.warning(
                "messages still arrive after %g s; unsubscribing from the filters of an earlier run: %s",
                MAX_LEFTOVER_SECS,
                ", ".join(sorted(self._subscriptions.leftovers)),
            )
        return True

    def lost_guarantees(self, connection: Connection | None) -> tuple[LostGuarantee, ...]:
        """Return the guarantees that the broker does not grant. Any thread may call this."""
        accepted = connection is not None and connection.accepted
        if self._loss is not None and not self._loss.shown(self._clock()):
            self._loss = None
        return tuple(
            lost_guarantees(
                self._settings,
                self._subscriptions,
                connection.limits if connection is not None and accepted else BrokerLimits.of_3_1_1(),
                shared_unverified=bool(
                    connection is not None
                    and accepted
                    and self._settings.share
                    and not connection.version_5
                    and not self.received_any
                ),
                loss=self._loss,
            )
        )
