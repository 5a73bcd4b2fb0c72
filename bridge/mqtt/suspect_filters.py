"""Filters whose SUBSCRIBE may have ended a connection.

Instead of refusing a filter, some brokers close the connection or never respond (RabbitMQ, AWS IoT Core). A network
fault during a SUBSCRIBE looks the same. So the bridge omits a filter only after several connections have ended while
this filter was the only filter without a response.

If the mappings need only one filter, the bridge never omits it, because there are no other filters to protect.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

STRIKES: Final = 3
"""Number of ended connections after which a filter is omitted. If the broker sends DISCONNECT, the end counts twice."""
FIRST_DELAY_SECS: Final = 60.0
MAX_DELAY_SECS: Final = 3600.0
"""First and longest pause before an omitted filter is requested again. Each pause is twice as long as the last one."""
RETRY_QOS_SECS: Final = 3600.0
"""Time after which a new connection requests QoS 2 again for a filter whose QoS was lowered to 1."""


@dataclass(slots=True)
class SuspectFilters:
    """Suspect filters. They are requested one at a time, after all other filters."""

    strikes: dict[str, int] = field(default_factory=dict)
    """For each filter, the number of connections that ended while it was the only filter without a response."""
    # The last pause in seconds before an omitted filter was requested again.
    _delays: dict[str, float] = field(default_factory=dict)
    # Clock time at which the QoS of a filter was lowered from 2 to 1, because the broker did not respond to QoS 2.
    _lowered_at: dict[str, float] = field(default_factory=dict)

    def __contains__(self, text: str) -> bool:
        return text in self.strikes

    def qos_for(self, text: str, qos: int) -> int:
        """Return the QoS to request for a filter. `qos` is the QoS that its mapping requests."""
        return min(qos, 1) if text in self._lowered_at else qos

    def add(self, texts: Iterable[str], weight: int = 1) -> list[str]:
        """Record that a connection ended while the SUBSCRIBE with these filters had no response.

        `weight` is added to the number of ends. Return the filters that have reached STRIKES.
        """
        texts = list(texts)
        for text in texts:
            # If there are several filters, each of them may be the cause. They become suspects, but their counts do not
            # change.
            self.strikes[text] = self.strikes.get(text, 0) + (weight if len(texts) == 1 else 0)
        return [text for text in texts if self.strikes[text] >= STRIKES]

    def lower_qos(self, text: str, qos: int, now: float) -> bool:
        """If QoS 2 was requested for the filter, request QoS 1 from now on and return True. Otherwise return False."""
        if self.qos_for(text, qos) < 2:  # noqa: PLR2004  QoS 2
            return False
        self._lowered_at[text] = now
        self.strikes[text] = 0
        return True

    def restore_qos(self, now: float) -> None:
        """Request QoS 2 again for filters whose QoS was lowered long ago. The cause may have been a network fault."""
        for text in [text for text, at in self._lowered_at.items() if now - at > RETRY_QOS_SECS]:
            del self._lowered_at[text]
            self.strikes[text] = STRIKES - 1

    def next_delay(self, text: str) -> float:
        """Return the pause in seconds before an omitted filter is requested again."""
        # After the pause, one more end of a connection is enough to omit the filter again.
        self.strikes[text] = STRIKES - 1
        delay = self._delays[text] = min(MAX_DELAY_SECS, 2 * self._delays.get(text, FIRST_DELAY_SECS / 2))
        return delay

    def clear(self, text: str) -> None:
        """Remove a filter from the suspects, because the broker has responded to its SUBSCRIBE."""
        self.strikes.pop(text, None)
        self._delays.pop(text, None)

    def forget_delays(self) -> None:
        """Request all filters again without a pause and with their original QoS. This is called after a reload."""
        self._delays.clear()
        self._lowered_at.clear()
