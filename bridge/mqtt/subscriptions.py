"""Which filters the mappings want, and what the broker said about each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FILTERS_A_PACKET = 8
"""The smallest limit found among brokers: https://docs.aws.amazon.com/general/latest/gr/iot-core.html"""
_FAILURE = 0x80


class SubscriptionChanges(NamedTuple):
    """What to ask of the broker next: (filter, QoS) to subscribe, filters to unsubscribe."""

    subscribe: list[tuple[str, int]]
    unsubscribe: list[str]


@dataclass(slots=True)
class Subscriptions:
    """Filters by their text as sent, shared-group prefix included.

    `maybe_subscribed` is everything that the broker's session may still hold, from earlier runs too; it shrinks only
    when an UNSUBACK says so.
    """

    share: str | None = None
    maybe_subscribed: set[str] = field(default_factory=set)
    wanted: dict[str, int] = field(default_factory=dict)
    confirmed: dict[str, int] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    granted_qos: dict[str, int] = field(default_factory=dict)
    """The QoS that the broker's SUBACK says, which may be less than what was asked."""
    _asked: dict[int, dict[str, int]] = field(default_factory=dict)
    _dropping: dict[int, list[str]] = field(default_factory=dict)
    _reconciled: bool = False

    def set_filters(self, filters: Mapping[str, int]) -> None:
        """From now on these, and no others."""
        self._reconciled = False
        prefix = f"$share/{self.share}/" if self.share else ""
        self.wanted = {prefix + text: qos for text, qos in filters.items()}

    def connected(self, *, session_present: bool) -> None:
        """A new connection: ask for everything again, whatever an earlier one was told."""
        self._reconciled = False
        if not session_present:
            self.maybe_subscribed.clear()
        self.confirmed.clear()
        self.granted_qos.clear()
        self.refused.clear()
        self._asked.clear()
        self._dropping.clear()

    def changes(self) -> SubscriptionChanges:
        """The difference between what is wanted and what was asked for on this connection.

        Asked with every burst: while nothing has happened since there was none, thousands of filters cost nothing.
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
        """A SUBSCRIBE went out, with each filter's QoS."""
        self._asked[packet] = dict(filters)
        self.maybe_subscribed.update(self._asked[packet])

    def on_unsubscribe_sent(self, packet: int, filters: Iterable[str]) -> None:
        """An UNSUBSCRIBE went out."""
        self._dropping[packet] = list(filters)

    def on_suback(self, packet: int, codes: Iterable[tuple[int, str]]) -> list[str]:
        """A SUBACK: one (code, words) for each filter asked. Gives the filters that were refused."""
        self._reconciled = False
        refused = []
        for (text, qos), (code, words) in zip(self._asked.pop(packet, {}).items(), codes, strict=False):
            if code >= _FAILURE:
                # Still held: the session may have it from before, and a refusal takes nothing away.
                self.refused[text] = words
                refused.append(text)
            else:
                # What was asked, not what is wanted by now: a reload in between is one more change to ask for.
                self.confirmed[text] = qos
                self.granted_qos[text] = code
        return refused

    def on_unsuback(self, packet: int) -> None:
        """An UNSUBACK."""
        self._reconciled = False
        for text in self._dropping.pop(packet, ()):
            self.confirmed.pop(text, None)
            self.granted_qos.pop(text, None)
            if text not in self.wanted:
                self.maybe_subscribed.discard(text)

    def retry_refused(self) -> None:
        """Ask again for what was refused: an access rule may have been mended."""
        self.refused.clear()
        self._reconciled = False

    @property
    def waiting(self) -> bool:
        """A SUBACK or UNSUBACK is still to come."""
        return bool(self._asked or self._dropping)

    @property
    def complete(self) -> bool:
        """Every wanted filter is granted."""
        return self.wanted.keys() <= self.confirmed.keys()
