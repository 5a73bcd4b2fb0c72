"""The broker, through a session of the doctor's own that the broker forgets at once."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.doctor.findings import failed, warning, well
from bridge.doctor.network import reach
from bridge.mqtt.subscriber import SHARED_IN_3_1_1, Subscriber
from bridge.mqtt.wire import PUBREL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bridge.doctor.findings import Finding
    from bridge.mqtt.address import SessionSettings

SUFFIX = "-doctor"
CONNECT_SECS = 8.0
LISTEN_SECS = 2.0
_MANY_RETAINED = 1_000
_POLL_SECS = 0.1
_QUEUED = (
    "mosquitto drops silently what exceeds max_queued_messages (1000 by default) while the bridge is away: "
    "set it to 0, with persistence true and autosave_interval 1"
)
_IN_FLIGHT = (
    "mosquitto hands a 3.1.1 client 20 messages at a time, which bounds the rate by the round trip: "
    "use protocol 5, or set max_inflight_messages 0 there"
)


def examine_broker(settings: SessionSettings, filters: Mapping[str, int]) -> Iterator[Finding]:
    """Each address, then the session with the first that lets us in."""
    for address in settings.addresses:
        context = settings.tls.context if address.encrypted else None
        yield from reach("broker.address", f"broker {address}", address.host, address.port, context)
    # In a group of its own: what a member of the bridges' group takes, and does not acknowledge, would be lost.
    share = settings.share + SUFFIX if settings.share else None
    session = replace(settings, client_id=settings.client_id + SUFFIX, persistent=False, share=share)
    subscriber = Subscriber(session)
    try:
        subscriber.want(filters)
        yield from _session(subscriber, settings, filters)
    finally:
        subscriber.close()


def _session(subscriber: Subscriber, settings: SessionSettings, filters: Mapping[str, int]) -> Iterator[Finding]:
    deadline = time.monotonic() + CONNECT_SECS
    answered, messages, retained = False, 0, 0
    while time.monotonic() < deadline:
        burst = subscriber.poll(_POLL_SECS)
        messages += len([each for each in burst if each[0] != PUBREL])
        retained += len([each for each in burst if each[0] != PUBREL and each[0] & 1])
        told = subscriber.subscriptions.granted.keys() | subscriber.subscriptions.refused.keys()
        if not answered and subscriber.subscriptions.wanted and subscriber.subscriptions.wanted.keys() <= told:
            answered, deadline = True, time.monotonic() + LISTEN_SECS
    state = subscriber.state()
    if not state.connected:
        advice = "see mqtt.username, mqtt.password and mqtt.client_id, and the broker's log"
        yield failed("broker.session", "session", state.problem or f"no session within {CONNECT_SECS:.0f} s", advice)
        return
    yield well("broker.session", "session", f"{state.broker} lets this client in, by MQTT {state.protocol}")
    if state.protocol != "5":
        yield warning("broker.limits", "session", "MQTT 3.1.1", _IN_FLIGHT)
    if settings.share and state.protocol != "5" and not messages:
        advice = "use protocol 5, or see that messages come while something is published"
        yield warning("broker.limits", "shared subscription", SHARED_IN_3_1_1, advice)
    yield from _subscriptions(subscriber)
    yield from _messages(messages, retained, filters)
    yield warning(
        "broker.queue", "queue at the broker", "how much it keeps while the bridge is away cannot be asked", _QUEUED
    )
    del settings


def _subscriptions(subscriber: Subscriber) -> Iterator[Finding]:
    subscriptions = subscriber.subscriptions
    for text in subscriptions.wanted:
        if text in subscriptions.refused:
            advice = "allow this client to subscribe to it in the broker's access rules"
            yield failed(
                "broker.subscription", f"subscription {text}", f"refused: {subscriptions.refused[text]}", advice
            )
        elif text in subscriptions.granted:
            yield well("broker.subscription", f"subscription {text}", f"granted, QoS {subscriptions.granted[text]}")
        else:
            yield failed(
                "broker.subscription", f"subscription {text}", "the broker has not answered", "see the broker's log"
            )


def _messages(messages: int, retained: int, filters: Mapping[str, int]) -> Iterator[Finding]:
    subject = f"messages in {LISTEN_SECS:.0f} s"
    if retained >= _MANY_RETAINED:
        advice = "each new session gets them all at once; `retained: skip` in a mapping leaves them out"
        yield warning("broker.messages", subject, f"{retained:,} of {messages:,} were retained", advice)
    elif messages:
        yield well("broker.messages", subject, f"{messages:,}, of which {retained:,} were retained")
    else:
        advice = "nothing may have been published just now; or an access rule keeps messages back, as mosquitto's does"
        yield warning("broker.messages", subject, f"none on {len(filters)} filters", advice)
