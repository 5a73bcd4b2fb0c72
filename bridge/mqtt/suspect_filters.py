"""Filters whose SUBSCRIBE may have ended a connection.

Some brokers close the connection, or never respond, instead of refusing a filter (RabbitMQ, AWS IoT Core). The only
evidence is an unanswered SUBSCRIBE at the end of a connection, but a link that breaks at this time gives the same
evidence. So a filter is omitted only after several consecutive ends at which only its SUBSCRIBE was unanswered. The
only filter is never omitted, because there are no others to protect.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

STRIKES: Final = 3
"""Number of ends after which a filter is left out. A DISCONNECT packet with a reason counts as two."""
FIRST_DELAY_SECS: Final = 60.0
MAX_DELAY_SECS: Final = 3600.0
"""Pauses before a filter that was left out is requested again: they double, because each attempt ends a connection."""
RETRY_QOS_SECS: Final = 3600.0
"""Time after which the next connection requests QoS 2 again for a filter whose QoS was lowered."""


@dataclass(slots=True)
class SuspectFilters:
    """Filters under suspicion. They are requested one at a time, after all others."""

    strikes: dict[str, int] = field(default_factory=dict)
    """Number of ends that count against each filter."""
    _delays: dict[str, float] = field(default_factory=dict)
    # Clock time at which QoS 1 was first requested instead of QoS 2, to which the broker did not respond.
    _lowered_at: dict[str, float] = field(default_factory=dict)

    def __contains__(self, text: str) -> bool:
        return text in self.strikes

    def qos_for(self, text: str, qos: int) -> int:
        """Return the QoS to request for a filter. `qos` is the QoS that its mapping requests."""
        return min(qos, 1) if text in self._lowered_at else qos

    def add(self, texts: Iterable[str], weight: int = 1) -> list[str]:
        """Record an end while the SUBSCRIBE for these filters was unanswered.

        Return the filters with enough evidence.
        """
        texts = list(texts)
        for text in texts:
            # Any of several filters may be the cause, so all become suspects, without evidence.
            self.strikes[text] = self.strikes.get(text, 0) + (weight if len(texts) == 1 else 0)
        return [text for text in texts if self.strikes[text] >= STRIKES]

    def lower_qos(self, text: str, qos: int, now: float) -> bool:
        """Request QoS 1 from now on, if QoS 2 was requested for the filter. Return False for any other QoS."""
        if self.qos_for(text, qos) < 2:  # noqa: PLR2004  QoS 2
            return False
        self._lowered_at[text] = now
        self.strikes[text] = 0
        return True

    def restore_qos(self, now: float) -> None:
        """Request QoS 2 again for filters whose QoS was lowered long ago: the link may have been the cause."""
        for text in [text for text, at in self._lowered_at.items() if now - at > RETRY_QOS_SECS]:
            del self._lowered_at[text]
            self.strikes[text] = STRIKES - 1

    def next_delay(self, text: str) -> float:
        """Return the pause in seconds before an omitted filter is requested again."""
        # After the pause, one more end is enough to omit the filter again.
        self.strikes[text] = STRIKES - 1
        delay = self._delays[text] = min(MAX_DELAY_SECS, 2 * self._delays.get(text, FIRST_DELAY_SECS / 2))
        return delay

    def clear(self, text: str) -> None:
        """Clear a filter of suspicion, because the broker has responded to its SUBSCRIBE."""
        self.strikes.pop(text, None)
        self._delays.pop(text, None)

    def forget_delays(self) -> None:
        """Request all filters again without a pause and with their QoS, after a reload."""
        self._delays.clear()
        self._lowered_at.clear()
