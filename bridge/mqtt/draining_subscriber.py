"""Subscriber that receives the messages that the broker has queued for a session, and then ends the session."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from bridge.mqtt.subscriber import Subscriber

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.mqtt.settings import MqttSettings


class DrainingSubscriber(Subscriber):
    """Subscriber of a worker that is drained.

    HiveMQ discards the queue of a shared group when the last subscriber leaves the group. So this subscriber connects
    only after `leave` was called, when other workers of the group are subscribed. It stays subscribed until no message
    has arrived for some time.
    """

    def __init__(self, settings: MqttSettings, **options: Any) -> None:
        super().__init__(settings, **options)
        self.subscriptions.draining = True
        # `poll` never connects before this clock time.
        self._dial_at = math.inf

    def set_filters(self, filters: Mapping[str, int], parts: Mapping[str, Mapping[str, int]] | None = None) -> None:
        """Assume that the old session is subscribed to all topics of the mappings, even without a record in the spool.

        The spool may be new, or may have been restored from a backup, while the broker still has the session.
        """
        prefix = f"$share/{self.subscriptions.share}/" if self.subscriptions.share else ""
        known = [*filters, *(part for of in (parts or {}).values() for part in of)]
        self.subscriptions.maybe_subscribed.update(prefix + text for text in known)

    def leave(self) -> None:
        """Let `poll` connect, receive the queued messages, and then unsubscribe. Any thread may call this."""
        # With an empty set of filters, `poll` unsubscribes from all filters when no more messages arrive.
        self._dial_at = min(self._dial_at, 0.0)
        super().set_filters({})

    @property
    def unsubscribed(self) -> bool:
        """True once the broker has confirmed that the session has no subscription."""
        connection = self._connection
        return (
            connection is not None
            and connection.accepted
            and not self.subscriptions.maybe_subscribed
            and not connection.exchange.waiting
        )
