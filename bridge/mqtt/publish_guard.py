"""Protection of the session against brokers that end it when the bridge publishes a message.

mosquitto (MQTT 3.1.1), RabbitMQ and AWS IoT Core close the connection of a client that may not publish to a topic. A
mapping that requests Sparkplug rebirths would then end the session with each request, and every other mapping with it.
"""

from __future__ import annotations

import logging
import math
from typing import Final

log = logging.getLogger(__name__)

# Maximum time between a message and the end of the connection for which it counts as the cause.
_SUSPICIOUS_SECS: Final = 5.0
# Number of consecutive ends of this kind after which nothing is published.
_STRIKES: Final = 3
PAUSE_SECS: Final = 3600.0
"""Seconds until publishing is tried again, because someone may have fixed the access rule."""


class PublishGuard:
    """Record of published messages, and of the ends of connections after them. Only the ingest thread uses it."""

    def __init__(self) -> None:
        self._sent_at = -math.inf
        self._topic = ""
        self._strikes = 0
        self._paused_until = -math.inf

    def may_publish(self, topic: str, now: float) -> bool:
        """Return whether to publish a message to `topic` now, and record it if so."""
        if now < self._paused_until:
            return False
        if -math.inf < self._sent_at < now - _SUSPICIOUS_SECS:
            # The last message did not end a connection.
            self._strikes = 0
        self._sent_at, self._topic = now, topic
        return True

    def caused(self, now: float) -> bool:
        """Return whether a published message probably caused the end of a connection at clock time `now`."""
        if now - self._sent_at > _SUSPICIOUS_SECS:
            return False
        self._sent_at = -math.inf
        self._strikes += 1
        if self._strikes >= _STRIKES:
            # The count stays one below the limit, so that after the pause a single end starts the next pause.
            self._strikes = _STRIKES - 1
            self._paused_until = now + PAUSE_SECS
            log.error(
                "the broker ends the connection when this client publishes to %s; nothing is published for %.0f min. "
                "Permit this client to publish there, or set `rebirth: false` in the mapping",
                self._topic,
                PAUSE_SECS / 60,
            )
        return True
