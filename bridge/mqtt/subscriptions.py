"""Filters that the mappings subscribe to, and the broker's response to each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FILTERS_A_PACKET = 8
"""Maximum number of filters per packet, the smallest limit of any broker found (AWS IoT Core):
https://docs.aws.amazon.com/general/latest/gr/iot-core.html"""
_FAILURE = 0x80
"""Lowest SUBACK reason code that is a refusal; lower codes are the granted QoS."""


class SubscriptionChanges(NamedTuple):
    """Next requests to the broker: (filter, QoS) pairs to subscribe, and filters to unsubscribe."""

    subscribe: list[tuple[str, int]]
    unsubscribe: list[str]


@dataclass(slots=True)
class Subscriptions:
    """Filters by their text as sent, including the prefix of the shared group.

    `maybe_subscribed` is every filter that the broker's session may contain, also from earlier runs. It shrinks only
    with an UNSUBACK or when the broker has no session.
    """

    share: str | None = None
    maybe_subscribed: set[str] = field(default_factory=set)
    wanted: dict[str, int] = field(default_factory=dict)
    confirmed: dict[str, int] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    granted_qos: dict[str, int] = field(default_factory=dict)
    """QoS in the broker's SUBACK, which may be lower than the requested one."""
    _asked: dict[int, dict[str, int]] = field(default_factory=dict)
    """Filters of each unanswered SUBSCRIBE, with their QoS, by packet identifier."""
    _dropping: dict[int, list[str]] = field(default_factory=dict)
    """Filters of each unanswered UNSUBSCRIBE, by packet identifier."""
    _reconciled: bool = False
    """True while `changes` is known to be empty."""

    def set_filters(self, filters: Mapping[str, int]) -> None:
        """Replace the wanted filters (filter → QoS)."""
        self._reconciled = False
        prefix = f"$share/{self.share}/" if self.share else ""
        self.wanted = {prefix + text: qos for text, qos in filters.items()}

    def connected(self, *, session_present: bool) -> None:
        """Request every filter again on a new connection, whatever the broker granted on an earlier one."""
        self._reconciled = False
        if not session_present:
            self.maybe_subscribed.clear()
        self.confirmed.clear()
        self.granted_qos.clear()
        self.refused.clear()
        self._asked.clear()
        self._dropping.clear()

    def changes(self) -> SubscriptionChanges:
        """Return the difference between the wanted filters and those requested on this connection.

        Called per burst. Returns at once unless filters or acknowledgements changed since the last empty result, so
        that thousands of filters cost nothing.
        """
        if self._reconciled:
            return SubscriptionChanges([], [])
        asked = {text for texts in self._asked.values() for text in texts}
        dropping = {text for texts in self._dropping.values() for text in texts}
        found = SubscriptionChanges(
            [
                (text, qos)
                for text, qos in self.wanted.items()
                if text not in asked and text not in self.refused and self.confirmed.get(text, -1) != qos
            ],
            sorted(self.maybe_subscribed - self.wanted.keys() - dropping),
        )
        self._reconciled = found == ([], [])
        return found

    def on_subscribe_sent(self, packet: int, filters: Iterable[tuple[str, int]]) -> None:
        """Record a SUBSCRIBE that was sent, with each filter's QoS."""
        self._asked[packet] = dict(filters)
        self.maybe_subscribed.update(self._asked[packet])

    def on_unsubscribe_sent(self, packet: int, filters: Iterable[str]) -> None:
        """Record an UNSUBSCRIBE that was sent."""
        self._dropping[packet] = list(filters)

    def on_suback(self, packet: int, codes: Iterable[tuple[int, str]]) -> list[str]:
        """Record a SUBACK with a (code, description) pair for each requested filter. Return the refused filters."""
        self._reconciled = False
        refused = []
        for (text, qos), (code, words) in zip(self._asked.pop(packet, {}).items(), codes, strict=False):
            if code >= _FAILURE:
                # It stays in `maybe_subscribed`: a refusal does not remove an older subscription of the session.
                self.refused[text] = words
                refused.append(text)
            else:
                # The requested QoS, not the one that is wanted now: a reload in between needs another request.
                self.confirmed[text] = qos
                self.granted_qos[text] = code
        return refused

    def on_unsuback(self, packet: int) -> None:
        """Record an UNSUBACK."""
        self._reconciled = False
        for text in self._dropping.pop(packet, ()):
            self.confirmed.pop(text, None)
            self.granted_qos.pop(text, None)
            if text not in self.wanted:
                self.maybe_subscribed.discard(text)

    def retry_refused(self) -> None:
        """Request refused filters again: someone may have fixed an access rule."""
        self.refused.clear()
        self._reconciled = False

    @property
    def waiting(self) -> bool:
        """True while a SUBACK or UNSUBACK is outstanding."""
        return bool(self._asked or self._dropping)

    @property
    def complete(self) -> bool:
        """True if the broker has granted every wanted filter."""
        return self.wanted.keys() <= self.confirmed.keys()
