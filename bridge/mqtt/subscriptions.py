"""Filters that the mappings need, and the known contents of the broker's session.

Like the session, this state outlives a connection. The requests of one connection and their deadlines are in
`subscription_exchange.py`.
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
"""Lowest SUBACK or UNSUBACK reason code that is a refusal; lower codes of a SUBACK are the granted QoS."""


class SubscriptionRequest(NamedTuple):
    """One subscription to request. `identifier`: MQTT 5 subscription identifier, 0 for none."""

    filter: str
    qos: int
    identifier: int = 0


class SubscriptionChanges(NamedTuple):
    """Next requests to the broker: subscriptions to request, and filters to unsubscribe."""

    subscribe: list[SubscriptionRequest]
    unsubscribe: list[str]


_NOTHING = SubscriptionChanges([], [])
# Interval between two checks of filters that cannot be unsubscribed yet.
_LOOK_SECS = 1.0


class RefusedFilter(NamedTuple):
    """Filter that the broker does not grant.

    It is requested again at clock time `retry_at`. With `lasting`, a new connection does not end the refusal, because
    requesting the filter ends connections.
    """

    reason: str
    retry_at: float
    lasting: bool = False


@dataclass(slots=True)
class Subscriptions:
    """Filters by their text as sent, including the prefix of the shared group.

    `maybe_subscribed` has every filter that the broker's session may contain, including filters from earlier runs. A
    filter is removed only after an UNSUBSCRIBE.
    """

    share: str | None = None
    maybe_subscribed: set[str] = field(default_factory=set)
    separate: bool = False
    """True if each mapping's filter is subscribed, even if filters overlap."""
    draining: bool = False
    """True if the session is to be given up: all filters are leftovers."""
    wanted: dict[str, int] = field(default_factory=dict)
    confirmed: dict[str, SubscriptionRequest] = field(default_factory=dict)
    """Filters that the present session contains, as they were requested."""
    granted_qos: dict[str, int] = field(default_factory=dict)
    """QoS in the broker's SUBACK, which may be lower than the requested one."""
    suspects: SuspectFilters = field(default_factory=SuspectFilters)
    leftovers: set[str] = field(default_factory=set)
    """Shared filters of an earlier run. The broker may discard the queue of a group with its last subscriber, so they
    are unsubscribed only after their messages were received."""
    separated: dict[str, int] = field(default_factory=dict)
    """Subscription identifier of each filter, without its group, that receives copies of its own.

    Empty unless such filters are requested one by one and the broker supports identifiers.
    """
    _identifiers: bool = False
    revision: int = 0
    """Counter that increases with each change of `confirmed`."""
    _refusals: dict[str, RefusedFilter] = field(default_factory=dict)
    # The parts of each wanted filter that joins several filters.
    _groups: dict[str, dict[str, int]] = field(default_factory=dict)
    _joined: dict[str, int] = field(default_factory=dict)
    # Joined filters that the broker does not grant. Their parts are requested instead.
    _split: set[str] = field(default_factory=set)
    # Clock time of the next attempt, for filters whose UNSUBSCRIBE the broker refused.
    _unsubscribe_at: dict[str, float] = field(default_factory=dict)
    # Clock time until which `changes` returns nothing, unless the filters or the session change.
    _idle_until: float = 0.0

    # -- filters of the mappings ------------------------------------------------------------------------------------

    def set_filters(self, filters: Mapping[str, int], parts: Mapping[str, Mapping[str, int]] | None = None) -> None:
        """Replace the wanted filters (filter → QoS). `parts` has, for each joined filter, its parts (filter → QoS)."""
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
        self._set_filter()

    def _set_filter(self) -> None:
        wanted: dict[str, int] = {}
        for text, qos in self._joined.items():
            wanted.update(self._groups[text] if text in self._split else {text: qos})
        self.wanted = wanted
        self._identify()
        self._changed()

    def _changed(self) -> None:
        self._idle_until = 0.0

    def split(self, text: str) -> bool:
        """Request the parts of a joined filter instead of it. Return False if it joins none."""
        if text not in self._groups or text in self._split:
            return False
        self._split.add(text)
        self._set_filter()
        return True

    def _identify(self) -> None:
        parts = [part for text in self._split for part in self._groups[text]] if self._identifiers else []
        found = {without_group(part): subscription_identifier(part) for part in parts}
        # Two filters with one identifier cannot be distinguished. Then no identifier is used, and messages arrive
        # twice.
        self.separated = found if len(set(found.values())) == len(found) else {}

    # -- what a connection finds -----------------------------------------------------------------------------------

    def begin(self, *, identifiers: bool = False, known: Mapping[str, tuple[int, int]] | None = None) -> None:
        """Begin a connection. Every filter is requested again, except those that the session is known to contain.

        `known`: filter → (requested QoS, granted QoS) of a session whose SUBSCRIBE would make the broker send retained
        messages again (MQTT 3.1.1).

        A session that the broker reports as new may still contain filters (ActiveMQ), so `maybe_subscribed` does not
        change.
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

    # -- what to request next --------------------------------------------------------------------------------------

    def changes(self, now: float, *, quiet: bool = True) -> SubscriptionChanges:
        """Return the difference between the wanted filters and those that the session is known to contain.

        `quiet` is true if the messages of filters to remove were received. This is called for each burst. It returns at
        once unless something has changed since the last empty result, so that thousands of filters cost nothing.
        """
        if now < self._idle_until:
            return _NOTHING
        self._refusals = {text: each for text, each in self._refusals.items() if each.retry_at > now}
        found = SubscriptionChanges(self._due(), self._droppable(now, quiet=quiet))
        if found == _NOTHING:
            unwanted = self.maybe_subscribed - self.wanted.keys()
            retry_at = min((each.retry_at for each in self._refusals.values()), default=math.inf)
            self._idle_until = min(retry_at, now + _LOOK_SECS) if unwanted else retry_at
            return _NOTHING
        return found

    def _due(self) -> list[SubscriptionRequest]:
        requests = (
            SubscriptionRequest(text, self.suspects.qos_for(text, qos), self.separated.get(without_group(text), 0))
            for text, qos in self.wanted.items()
            if text not in self._refusals
        )
        return [request for request in requests if self.confirmed.get(request.filter) != request]

    def _droppable(self, now: float, *, quiet: bool) -> list[str]:
        """Return the filters to unsubscribe now.

        A filter stays while it overlaps a wanted filter that the broker has not confirmed. Otherwise, a refused
        SUBSCRIBE would end a working subscription.
        """
        missing = [text for text in self.wanted if text not in self.confirmed]
        return sorted(
            text
            for text in self.maybe_subscribed - self.wanted.keys()
            if (quiet or text not in self.leftovers)
            and now >= self._unsubscribe_at.get(text, 0.0)
            and not any(overlap(text, each) for each in missing)
        )

    # -- what the broker responds ----------------------------------------------------------------------------------

    def on_sent(self, request: SubscriptionRequest) -> None:
        """Record a SUBSCRIBE that was sent."""
        self.maybe_subscribed.add(request.filter)

    def on_granted(self, request: SubscriptionRequest, qos: int) -> None:
        """Record a filter that the broker granted with this QoS."""
        # This stores the request that was granted, not the one wanted now. If a reload changed the options meanwhile,
        # the filter needs another SUBSCRIBE.
        self.confirmed[request.filter] = request
        self.granted_qos[request.filter] = qos
        self.suspects.clear(request.filter)
        self._refusals.pop(request.filter, None)
        self.revision += 1
        self._changed()

    def postpone(self, text: str, reason: str, retry_at: float) -> None:
        """Record that a filter must be requested again at clock time `retry_at`. The response did not concern it."""
        self._refusals[text] = RefusedFilter(reason, retry_at)
        self._changed()

    def refuse(self, text: str, reason: str, retry_at: float, *, lasting: bool = False) -> None:
        """Record that the broker does not grant a filter.

        A joined filter is replaced by its parts. A refusal does not remove an older subscription of the session, so the
        filter stays in `maybe_subscribed`.
        """
        if not lasting:
            self.suspects.clear(text)
        if not self.split(text):
            self._refusals[text] = RefusedFilter(reason, retry_at, lasting)
        self._changed()

    def on_unsubscribe_sent(self, text: str) -> None:
        """Record an UNSUBSCRIBE that is sent. From now on, the session may lack the filter."""
        self.confirmed.pop(text, None)
        self.granted_qos.pop(text, None)
        self.revision += 1

    def on_unsubscribed(self, text: str) -> None:
        """Record that the session does not contain the filter any more."""
        self.on_unsubscribe_sent(text)
        if text not in self.wanted:
            self.maybe_subscribed.discard(text)
            self.leftovers.discard(text)
        self._changed()

    def unsubscribe_later(self, text: str, at: float) -> None:
        """Keep a filter whose UNSUBSCRIBE the broker refused, and try again at clock time `at`."""
        self._unsubscribe_at[text] = at
        self._changed()

    @property
    def refused(self) -> dict[str, str]:
        """Reason of each refused filter that is wanted."""
        return {text: each.reason for text, each in self._refusals.copy().items() if text in self.wanted}

    @property
    def complete(self) -> bool:
        """True if the broker has granted every wanted filter."""
        return self.wanted.keys() <= self.confirmed.keys()

    @property
    def lowered(self) -> dict[str, tuple[int, int]]:
        """Filters with a lower QoS than the mapping's: filter → (granted, wanted)."""
        granted = self.granted_qos.copy()
        return {text: (granted[text], qos) for text, qos in self.wanted.items() if granted.get(text, qos) < qos}

    def record(self) -> dict[str, tuple[int, int]]:
        """Return the known filters of the session: filter → (requested QoS, granted QoS)."""
        return {text: (each.qos, self.granted_qos.get(text, each.qos)) for text, each in self.confirmed.items()}


def texts_of(requests: Iterable[SubscriptionRequest]) -> list[str]:
    """Return the filters of requests."""
    return [request.filter for request in requests]
