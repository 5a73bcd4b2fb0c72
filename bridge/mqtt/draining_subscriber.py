"""Subscriber that gives up its session. It receives the messages that the broker has stored, and then unsubscribes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from bridge.mqtt.subscriber import Subscriber

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.mqtt.settings import MqttSettings


class DrainingSubscriber(Subscriber):
    """Subscriber of a draining worker.

    It connects only after `leave`. The other workers must be subscribed first: HiveMQ discards the queue of a shared
    group when its last subscriber leaves. For the same reason, the session stays subscribed until no message has
    arrived for some time.
    """

    def __init__(self, settings: MqttSettings, **options: Any) -> None:
        super().__init__(settings, **options)
        self.subscriptions.draining = True
        # `poll` never connects before this clock time.
        self._dial_at = math.inf

    def set_filters(self, filters: Mapping[str, int], parts: Mapping[str, Mapping[str, int]] | None = None) -> None:
        """Assume that the old session is subscribed to all mapping topics, even if the spool does not know."""
        # The spool may be new or restored while the broker still has the session. So the topics of the mappings are
        # added.
        prefix = f"$share/{self.subscriptions.share}/" if self.subscriptions.share else ""
        known = [*filters, *(part for of in (parts or {}).values() for part in of)]
        self.subscriptions.maybe_subscribed.update(prefix + text for text in known)

    def leave(self) -> None:
        """Unsubscribe from everything once the stored messages have arrived, as soon as `poll` runs. Any thread."""
        # Connect first, and then set the empty set of filters: `poll` unsubscribes when the stored messages have
        # arrived.
        self._dial_at = min(self._dial_at, 0.0)
        super().set_filters({})

    @property
    def left(self) -> bool:
        """True once the broker has confirmed that the session has no subscription."""
        connection = self._connection
        return (
            connection is not None
            and connection.accepted
            and not self.subscriptions.maybe_subscribed
            and not connection.exchange.waiting
        )
