"""Protection against brokers that end the session when the bridge publishes a message.

mosquitto (MQTT 3.1.1), RabbitMQ and AWS IoT Core close the connection if the client publishes to a topic without
permission. If a mapping requests Sparkplug rebirths, each request would then interrupt all other mappings too.
"""

from __future__ import annotations

import logging
import math
from typing import Final

log = logging.getLogger(__name__)

# If the connection ends within this time after a published message, assume that the message is the cause.
_SUSPICIOUS_SECS: Final = 5.0
# After this number of consecutive messages that ended the connection, publishing is paused.
_STRIKES: Final = 3
PAUSE_SECS: Final = 3600.0
"""Duration of the pause in publishing. After the pause, the permission may have been fixed."""


class PublishGuard:
    """Decides whether the bridge may publish. Only the ingest thread uses it."""

    def __init__(self) -> None:
        self._sent_at = -math.inf
        self._topic = ""
        self._strikes = 0
        self._paused_until = -math.inf

    def may_publish(self, topic: str, now: float) -> bool:
        """Return whether to publish a message to `topic` now. If so, record the message."""
        if now < self._paused_until:
            return False
        if -math.inf < self._sent_at < now - _SUSPICIOUS_SECS:
            # The last message did not end the connection, so publishing is permitted.
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
            # Set the count to one below the limit. If the first message after the pause ends the connection, the next
            # pause begins at once.
            self._strikes = _STRIKES - 1
            self._paused_until = now + PAUSE_SECS
            log.error(
                "the broker ends the connection when this client publishes to %s; nothing is published for %.0f min. "
                "Permit this client to publish there, or set `rebirth: false` in the mapping",
                self._topic,
                PAUSE_SECS / 60,
            )
        return True
