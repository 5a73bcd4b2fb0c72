"""Filters that the mappings need, and filters that the broker's session contains.

This state stays valid when a connection ends, because the session continues. `subscription_exchange.py` sends the
requests of one connection.

Several mappings may have overlapping topics, such as `a/+` and `a/#`. The bridge then subscribes to a joined filter,
here `a/#`, which matches all their topics. The filters that a joined filter replaces are its parts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from bridge.mqtt.suspect_filters import SuspectFilters
from bridge.mqtt.topic_filters import is_shared, overlap, subscription_identifier, without_group

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FAILURE = 0x80
"""Lowest reason code of a SUBACK or UNSUBACK that is a refusal. Lower codes of a SUBACK are the granted QoS."""


class SubscriptionRequest(NamedTuple):
    """One subscription to request. `identifier` is its MQTT 5 subscription identifier, or 0 if it has none."""

    filter: str
    qos: int
    identifier: int = 0


class SubscriptionChanges(NamedTuple):
    """The next requests to the broker: subscriptions to request, and filters to unsubscribe from."""

    subscribe: list[SubscriptionRequest]
    unsubscribe: list[str]


_NOTHING = SubscriptionChanges([], [])
# Seconds between two checks whether unwanted filters can be unsubscribed.
_CHECK_SECS = 1.0


class RefusedFilter(NamedTuple):
    """Refusal of a filter. The filter is requested again at clock time `retry_at`.

    A new connection discards the refusals, because the cause may be fixed. If `lasting` is true, the refusal stays,
    because the request for this filter has ended connections.
    """

    reason: str
    retry_at: float
    lasting: bool = False


@dataclass(slots=True)
class Subscriptions:
    """Filters of the session. They are texts as sent to the broker, including the prefix `$share/GROUP/`.

    `wanted` contains the filters that the mappings need, with their QoS. `maybe_subscribed` contains every filter that
    the broker's session may contain, including filters of earlier runs. Only an UNSUBSCRIBE removes a filter from
    `maybe_subscribed`.
    """

    share: str | None = None
    maybe_subscribed: set[str] = field(default_factory=set)
    separate: bool = False
    """True if each mapping's filter is subscribed separately, even if filters overlap."""
    draining: bool = False
    """True if the session must end. All its filters are leftovers then."""
    wanted: dict[str, int] = field(default_factory=dict)
    confirmed: dict[str, SubscriptionRequest] = field(default_factory=dict)
    """Filters that the session certainly contains, with the request for each of them."""
    granted_qos: dict[str, int] = field(default_factory=dict)
    """QoS in the broker's SUBACK, which may be lower than the requested QoS."""
    suspects: SuspectFilters = field(default_factory=SuspectFilters)
    leftovers: set[str] = field(default_factory=set)
    """Shared filters of an earlier run. The bridge receives their queued messages before it unsubscribes from them.

    A broker may discard the queue of a shared group when the last subscriber unsubscribes.
    """
    separated: dict[str, int] = field(default_factory=dict)
    """Subscription identifiers of overlapping filters. The keys are filters without their shared group.

    Each of these filters receives its own copy of a message. The dict is filled only if overlapping filters are
    subscribed separately and the broker supports identifiers.
    """
    _identifiers: bool = False
    revision: int = 0
    """Counter that increases with each change of `confirmed`."""
    _refusals: dict[str, RefusedFilter] = field(default_factory=dict)
    # The parts of each joined filter.
    _groups: dict[str, dict[str, int]] = field(default_factory=dict)
    # The filters that the mappings need, with each joined filter instead of its parts.
    _joined: dict[str, int] = field(default_factory=dict)
    # Joined filters whose parts are requested instead, for example because the broker refused the joined filter.
    _split: set[str] = field(default_factory=set)
    # Clock time of the next UNSUBSCRIBE for a filter, if the broker has refused the last UNSUBSCRIBE.
    _unsubscribe_at: dict[str, float] = field(default_factory=dict)
    # Clock time until which `changes` returns nothing. A change of the filters or the session resets it.
    _idle_until: float = 0.0

    # -- filters of the mappings ------------------------------------------------------------------------------------

    def set_filters(self, filters: Mapping[str, int], parts: Mapping[str, Mapping[str, int]] | None = None) -> None:
        """Replace the wanted filters (filter → QoS). `parts` maps each joined filter to its parts (filter → QoS)."""
        prefix = f"$share/{self.share}/" if self.share else ""
        self._joined = {prefix + text: qos for text, qos in filters.items()}
        self._groups = {
            prefix + text: {prefix + part: qos for part, qos in of.items()}
            for text, of in (parts or {}).items()
            if len(of) > 1
        }
        self._split = set(self._groups) if self.separate else self._split & self._groups.keys()
        # A person may have fixed the cause of a refusal, so a reload requests all filters again.
        self._refusals.clear()
        self.suspects.forget_delays()
        self._update_wanted()

    def _update_wanted(self) -> None:
        wanted: dict[str, int] = {}
        for text, qos in self._joined.items():
            wanted.update(self._groups[text] if text in self._split else {text: qos})
        self.wanted = wanted
        self._identify()
        self._changed()

    def _changed(self) -> None:
        self._idle_until = 0.0

    def split(self, text: str) -> bool:
        """Request the parts of a joined filter instead of the filter itself. Return False if it has no parts."""
        if text not in self._groups or text in self._split:
            return False
        self._split.add(text)
        self._update_wanted()
        return True

    def _identify(self) -> None:
        parts = [part for text in self._split for part in self._groups[text]] if self._identifiers else []
        found = {without_group(part): subscription_identifier(part) for part in parts}
        # If two filters have the same identifier, the copies of a message cannot be distinguished. In this case, use no
        # identifiers. Each copy is then mapped by its topic.
        self.separated = found if len(set(found.values())) == len(found) else {}

    # -- start of a connection -------------------------------------------------------------------------------------

    def begin(self, *, identifiers: bool = False, known: Mapping[str, tuple[int, int]] | None = None) -> None:
        """Begin a connection. Later, `changes` requests a filter in `known` only if it needs another QoS.

        `known` maps filters that the session contains to (requested QoS, granted QoS). If they were requested again
        with MQTT 3.1.1, the broker would send all retained messages again.

        Filters stay in `maybe_subscribed` even if the broker reports a new session, because ActiveMQ may keep the
        subscriptions of the old session.
        """
        self._identifiers = identifiers
        self._identify()
        known = known or {}
        self.confirmed = {text: SubscriptionRequest(text, qos) for text, (qos, _) in known.items()}
        self.granted_qos = {text: granted for text, (_, granted) in known.items()}
        self.maybe_subscribed.update(self.confirmed)
        self._refusals = {text: each for text, each in self._refusals.items() if each.lasting}
        self._unsubscribe_at.clear()
        unwanted = self.maybe_subscribed - self.wanted.keys()
        self.leftovers = {text for text in unwanted if self.draining or is_shared(text)}
        self._changed()

    # -- the next requests -----------------------------------------------------------------------------------------

    def changes(self, now: float, *, quiet: bool = True) -> SubscriptionChanges:
        """Return the requests that make the session's filters equal to the wanted filters.

        `quiet` is true if all queued messages have arrived, so that leftovers can be unsubscribed. This method is
        called for each burst. To save time with thousands of filters, it returns an empty result at once if nothing has
        changed since the last empty result.
        """
        if now < self._idle_until:
            return _NOTHING
        self._refusals = {text: each for text, each in self._refusals.items() if each.retry_at > now}
        found = SubscriptionChanges(self._missing(), self._removable(now, quiet=quiet))
        if found == _NOTHING:
            unwanted = self.maybe_subscribed - self.wanted.keys()
            retry_at = min((each.retry_at for each in self._refusals.values()), default=math.inf)
            self._idle_until = min(retry_at, now + _CHECK_SECS) if unwanted else retry_at
            return _NOTHING
        return found

    def _missing(self) -> list[SubscriptionRequest]:
        requests = (
            SubscriptionRequest(text, self.suspects.qos_for(text, qos), self.separated.get(without_group(text), 0))
            for text, qos in self.wanted.items()
            if text not in self._refusals
        )
        return [request for request in requests if self.confirmed.get(request.filter) != request]

    def _removable(self, now: float, *, quiet: bool) -> list[str]:
        """Return the filters to unsubscribe from now.

        An unwanted filter stays subscribed while it overlaps a wanted filter that the broker has not granted yet. If
        the broker refuses the wanted filter, its messages still arrive through the unwanted filter.
        """
        missing = [text for text in self.wanted if text not in self.confirmed]
        return sorted(
            text
            for text in self.maybe_subscribed - self.wanted.keys()
            if (quiet or text not in self.leftovers)
            and now >= self._unsubscribe_at.get(text, 0.0)
            and not any(overlap(text, each) for each in missing)
        )

    # -- responses of the broker -----------------------------------------------------------------------------------

    def on_sent(self, request: SubscriptionRequest) -> None:
        """Record that a SUBSCRIBE with this request was sent."""
        self.maybe_subscribed.add(request.filter)

    def on_granted(self, request: SubscriptionRequest, qos: int) -> None:
        """Record that the broker has granted a request with this QoS."""
        # A reload may have changed the wanted QoS or identifier after this request was sent. In this case, `changes`
        # requests the filter again.
        self.confirmed[request.filter] = request
        self.granted_qos[request.filter] = qos
        self.suspects.clear(request.filter)
        self._refusals.pop(request.filter, None)
        self.revision += 1
        self._changed()

    def postpone(self, text: str, reason: str, retry_at: float) -> None:
        """Record that a filter must be requested again at clock time `retry_at`. The filter is not faulty."""
        self._refusals[text] = RefusedFilter(reason, retry_at)
        self._changed()

    def refuse(self, text: str, reason: str, retry_at: float, *, lasting: bool = False) -> None:
        """Record that the broker does not grant a filter.

        If the filter is a joined filter, its parts are requested instead. The filter stays in `maybe_subscribed`,
        because a refusal does not remove an older subscription to the same filter.
        """
        if not lasting:
            self.suspects.clear(text)
        if not self.split(text):
            self._refusals[text] = RefusedFilter(reason, retry_at, lasting)
        self._changed()

    def on_unsubscribe_sent(self, text: str) -> None:
        """Record that an UNSUBSCRIBE was sent. It is now unknown whether the session contains the filter."""
        self.confirmed.pop(text, None)
        self.granted_qos.pop(text, None)
        self.revision += 1

    def on_unsubscribed(self, text: str) -> None:
        """Record that the session no longer contains the filter."""
        self.on_unsubscribe_sent(text)
        if text not in self.wanted:
            self.maybe_subscribed.discard(text)
            self.leftovers.discard(text)
        self._changed()

    def unsubscribe_later(self, text: str, at: float) -> None:
        """Record that the broker refused an UNSUBSCRIBE. It is sent again at clock time `at`."""
        self._unsubscribe_at[text] = at
        self._changed()

    @property
    def refused(self) -> dict[str, str]:
        """Wanted filters that the broker does not grant, with the reason for each filter."""
        return {text: each.reason for text, each in self._refusals.copy().items() if text in self.wanted}

    @property
    def complete(self) -> bool:
        """True if the broker has granted every wanted filter."""
        return self.wanted.keys() <= self.confirmed.keys()

    @property
    def lowered(self) -> dict[str, tuple[int, int]]:
        """Filters that the broker granted with a lower QoS than wanted: filter → (granted, wanted)."""
        granted = self.granted_qos.copy()
        return {text: (granted[text], qos) for text, qos in self.wanted.items() if granted.get(text, qos) < qos}

    def record(self) -> dict[str, tuple[int, int]]:
        """Return the filters that the session certainly contains: filter → (requested QoS, granted QoS)."""
        return {text: (each.qos, self.granted_qos.get(text, each.qos)) for text, each in self.confirmed.items()}


def texts_of(requests: Iterable[SubscriptionRequest]) -> list[str]:
    """Return the filters of requests."""
    return [request.filter for request in requests]
