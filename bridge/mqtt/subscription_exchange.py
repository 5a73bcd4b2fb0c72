"""SUBSCRIBE and UNSUBSCRIBE requests of one connection, and the broker's responses.

Each connection has its own exchange, because a broker responds to a request only on the same connection.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from bridge.mqtt.subscriptions import FAILURE, SubscriptionRequest, texts_of
from bridge.mqtt.suspect_filters import STRIKES
from bridge.mqtt.topic_filters import has_wildcard, is_shared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from bridge.mqtt.broker_limits import BrokerLimits
    from bridge.mqtt.paho_client import PahoClient
    from bridge.mqtt.subscriptions import Subscriptions

log = logging.getLogger(__name__)

FILTERS_A_PACKET: Final = 8
"""Maximum number of filters per packet. AWS IoT Core has this limit, and no broker with a lower limit is known:
https://docs.aws.amazon.com/general/latest/gr/iot-core.html"""
RETRY_REFUSED_SECS: Final = 60.0
"""Time after which the bridge requests a refused subscription again."""
RESPONSE_SECS: Final = 30.0
"""Maximum time to wait for a SUBACK or UNSUBACK."""
_RETRY_IN_USE_SECS: Final = 1.0
# Reason code "Packet Identifier in use". The filter is not the cause, so a request with another identifier helps.
_PACKET_ID_IN_USE: Final = 0x91
# Retain Handling of MQTT 5: the broker sends retained messages only for a new subscription, and not at each reconnect.
_RETAIN_IF_NEW: Final = 1
# Maximum size of a SUBSCRIBE or UNSUBSCRIBE without its filters: fixed header, packet identifier and properties.
_HEAD_BYTES: Final = 16
# Size of a filter in a packet, without its text: two bytes for the length, and one byte for the options.
_FILTER_BYTES: Final = 3

Response = tuple[int, str]
"""Reason code of a SUBACK or UNSUBACK for one filter, and its description in words."""


@dataclass(slots=True)
class _PendingPacket:
    """Packet to which the broker has not responded yet.

    `late` becomes True after RESPONSE_SECS. Then further requests no longer wait for the response.
    """

    requests: list[SubscriptionRequest]
    sent_at: float
    late: bool = False


class SubscriptionExchange:
    """SUBSCRIBE and UNSUBSCRIBE packets of one connection. Only the ingest thread uses this class."""

    def __init__(
        self, client: PahoClient, subscriptions: Subscriptions, limits: BrokerLimits, *, version_5: bool
    ) -> None:
        self.limits = limits
        """Limits of the broker. They have default values until the broker accepts the connection."""
        self.announced = False
        """True if the line "subscribed" has been logged for the current filters."""
        self.answered = False
        """True after the broker has responded to a SUBSCRIBE of this connection."""
        self._client = client
        self._subscriptions = subscriptions
        self._version_5 = version_5
        self._subscribing: dict[int, _PendingPacket] = {}
        self._unsubscribing: dict[int, _PendingPacket] = {}

    # -- requesting ------------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> bool:
        """True while the exchange waits for a response."""
        return any(not each.late for each in (*self._subscribing.values(), *self._unsubscribing.values()))

    @property
    def unanswered(self) -> list[str]:
        """Filters of the first SUBSCRIBE without a response.

        Brokers process packets in order, so one of these filters is the probable cause of a fault.
        """
        return next((texts_of(each.requests) for each in self._subscribing.values()), [])

    def advance(self, now: float, *, quiet: bool, before_unsubscribe: Callable[[list[str]], bool]) -> bool:
        """Send the next requests. While a response is outstanding, send nothing. Return True if no requests remain.

        Before an UNSUBSCRIBE, `before_unsubscribe` is called with its filters. If `before_unsubscribe` returns False,
        the UNSUBSCRIBE is not sent.
        """
        subscriptions = self._subscriptions
        if self.waiting:
            # The next requests depend on the broker's responses to the last requests.
            return False
        subscribe, unsubscribe = subscriptions.changes(now, quiet=quiet)
        subscribe = [request for request in subscribe if self._sendable(request)]
        # Request a suspect alone, after all other filters. If the connection then ends, only this filter can be the
        # cause.
        certain = [request for request in subscribe if request.filter not in subscriptions.suspects]
        for part in self._packets(certain or subscribe[:1]):
            self._subscribe(part, now)
        if unsubscribe and before_unsubscribe(unsubscribe):
            for part in self._packets([SubscriptionRequest(text, 0) for text in unsubscribe if self._fits(text)]):
                self._unsubscribe(part, now)
        return not subscribe and not unsubscribe

    def _sendable(self, request: SubscriptionRequest) -> bool:
        """Return whether the broker's limits allow the request. If not, record the filter as refused."""
        text, limits = request.filter, self.limits
        if not self._fits(text):
            reason = f"the packet would exceed the broker's Maximum Packet Size of {limits.packet_bytes} bytes"
        elif not limits.wildcards and has_wildcard(text):
            reason = "the broker does not support the wildcards + and #"
        elif not limits.shared and is_shared(text):
            reason = "the broker does not support shared subscriptions; remove mqtt.share and --workers"
        else:
            return True
        log.error("cannot subscribe to %s: %s", text, reason)
        self._subscriptions.refuse(text, reason, math.inf)
        return False

    def _fits(self, text: str) -> bool:
        return self.limits.packet_bytes is None or _size([text]) <= self.limits.packet_bytes

    def _packets(self, requests: Sequence[SubscriptionRequest]) -> Iterator[list[SubscriptionRequest]]:
        """Divide requests into packets. A request with a subscription identifier gets a packet of its own."""
        part: list[SubscriptionRequest] = []
        for request in requests:
            full = len(part) == FILTERS_A_PACKET or (
                self.limits.packet_bytes is not None
                and _size([*texts_of(part), request.filter]) > self.limits.packet_bytes
            )
            if part and (full or part[0].identifier or request.identifier):
                yield part
                part = []
            part.append(request)
        if part:
            yield part

    def _subscribe(self, part: list[SubscriptionRequest], now: float) -> None:
        properties = None
        if part[0].identifier:
            properties = Properties(PacketTypes.SUBSCRIBE)  # type: ignore[no-untyped-call]  # paho has no types for this call
            properties.SubscriptionIdentifier = part[0].identifier
        filters = [(request.filter, self._options(min(request.qos, self.limits.qos))) for request in part]
        packet = self._client.subscribe(filters, properties=properties)[1]
        if packet is not None:
            self._subscribing[packet] = _PendingPacket(part, now)
            self.announced = False
            for request in part:
                self._subscriptions.on_sent(request)

    def _unsubscribe(self, part: list[SubscriptionRequest], now: float) -> None:
        packet = self._client.unsubscribe(texts_of(part))[1]
        if packet is not None:
            self._unsubscribing[packet] = _PendingPacket(part, now)
            for text in texts_of(part):
                self._subscriptions.on_unsubscribe_sent(text)

    def _options(self, qos: int) -> Any:
        if not self._version_5:
            return qos
        # A shared subscription never receives retained messages, and some brokers refuse this option there.
        handling = 0 if self._subscriptions.share else _RETAIN_IF_NEW
        return SubscribeOptions(qos=qos, retainHandling=handling)

    # -- responses -------------------------------------------------------------------------------------------------

    def on_suback(self, packet: int, responses: Sequence[Response], now: float) -> None:
        """Record a SUBACK, which contains a response for each requested filter."""
        asked = self._subscribing.pop(packet, None)
        if asked is None:
            return
        self.answered = True
        for request, (code, words) in zip(asked.requests, _padded(responses, len(asked.requests)), strict=True):
            if code < FAILURE:
                self._subscriptions.on_granted(request, code)
            elif code == _PACKET_ID_IN_USE:
                self._subscriptions.postpone(request.filter, words, now + _RETRY_IN_USE_SECS)
            else:
                log.error("the broker refused the subscription to %s: %s", request.filter, words)
                self._subscriptions.refuse(request.filter, words, now + RETRY_REFUSED_SECS)

    def on_unsuback(self, packet: int, responses: Sequence[Response], now: float) -> None:
        """Record an UNSUBACK. In MQTT 3.1.1, it contains no reason codes and means success."""
        asked = self._unsubscribing.pop(packet, None)
        if asked is None:
            return
        found = _padded(responses, len(asked.requests)) if self._version_5 and responses else ()
        codes = [*found, *[(0, "")] * (len(asked.requests) - len(found))]
        for request, (code, words) in zip(asked.requests, codes, strict=True):
            if code < FAILURE:
                self._subscriptions.on_unsubscribed(request.filter)
                continue
            pause = _RETRY_IN_USE_SECS if code == _PACKET_ID_IN_USE else RETRY_REFUSED_SECS
            log.warning("the broker refused to unsubscribe %s: %s", request.filter, words)
            self._subscriptions.unsubscribe_later(request.filter, now + pause)

    def check_responses(self, now: float) -> bool:
        """Stop waiting for overdue responses. Return False if a SUBACK is overdue and no SUBACK has arrived.

        If the broker does not respond to one filter, the other filters must still work. So the connection stays open. A
        response that arrives later is still accepted.
        """
        for asked in _overdue(self._subscribing.values(), now):
            texts = texts_of(asked.requests)
            log.warning("no SUBACK within %g s for %s", RESPONSE_SECS, ", ".join(texts))
            omit_suspects(self._subscriptions, texts, f"no SUBACK within {RESPONSE_SECS:g} s", now, weight=STRIKES)
        for packet, asked in [*self._unsubscribing.items()]:
            if now - asked.sent_at > RESPONSE_SECS:
                # The broker rumqttd does not respond to an UNSUBSCRIBE for a filter that the session does not contain.
                log.warning("no UNSUBACK within %g s for %s", RESPONSE_SECS, ", ".join(texts_of(asked.requests)))
                self.on_unsuback(packet, (), now)
        return self.answered or not any(each.late for each in self._subscribing.values())


def omit_suspects(subscriptions: Subscriptions, texts: list[str], reason: str, now: float, *, weight: int = 1) -> None:
    """Record that the broker did not respond to a SUBSCRIBE with these filters, and omit a filter that is the cause.

    `reason` describes what happened instead of a response. Before a filter is omitted, there are two other attempts: to
    request QoS 1 instead of QoS 2, and to request the parts of a joined filter. If only one filter is wanted, it is
    never omitted.
    """
    for text in subscriptions.suspects.add(texts, weight):
        asked = subscriptions.wanted.get(text)
        if asked is None or subscriptions.suspects.lower_qos(text, asked, now) or subscriptions.split(text):
            continue
        if len(subscriptions.wanted) > 1:
            delay = subscriptions.suspects.next_delay(text)
            log.error("%s: the filter %s is omitted, and requested again in %.0f s", reason, text, delay)
            subscriptions.refuse(text, reason, now + delay, lasting=True)


def _overdue(unanswered: Iterable[_PendingPacket], now: float) -> Iterator[_PendingPacket]:
    for each in unanswered:
        if not each.late and now - each.sent_at > RESPONSE_SECS:
            each.late = True
            yield each


def _padded(responses: Sequence[Response], count: int) -> list[Response]:
    """Return exactly `count` responses, one for each filter.

    A missing response counts as a refusal, because the broker may not have subscribed the filter.
    """
    missing = [(FAILURE, "the broker's response has no reason code for it")] * (count - len(responses))
    return [*responses[:count], *missing]


def _size(texts: Iterable[str]) -> int:
    return _HEAD_BYTES + sum(len(text.encode()) + _FILTER_BYTES for text in texts)
