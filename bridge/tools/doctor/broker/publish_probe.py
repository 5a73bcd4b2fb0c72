"""Measurement for `--publish`: the broker's in-flight window and queue limit, with published test messages.

The messages are not retained. Their topic begins with `mqtt-kinesis/doctor/`. If a mapping matches this topic, nothing
is published. Clients that subscribe to all topics receive the messages too.
"""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.tools.doctor.broker.inflight_window import ENOUGH, InflightWindow, turnaround_of
from bridge.tools.doctor.broker.limit_findings import QUEUE_ADVICE
from bridge.tools.doctor.broker.probe_session import CONNECT_SECS, ProbeSession
from bridge.tools.doctor.finding import failed, info, ok, warning

if TYPE_CHECKING:
    from bridge.mapping.router import Router
    from bridge.mqtt.settings import MqttSettings
    from bridge.tools.doctor.finding import Finding

MESSAGES: Final = 1_200
"""Number of published messages. It exceeds mosquitto's default queue (1,000) and default window (20) together."""
_PAYLOAD: Final = b"mqtt-kinesis doctor"
_TOPIC: Final = "mqtt-kinesis/doctor/"
_SECS: Final = 10.0
_FIRST_SECS: Final = 3.0
_QUIET_SECS: Final = 0.5
_SLOW_SECS: Final = 3.0
# Small Receive Maximum, with which even a broker without an in-flight limit must queue messages.
_NARROW_WINDOW: Final = 10
_SUBJECT: Final = "queue at the broker"


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """Counts of published messages.

    `unacknowledged` is the number of messages that arrived before the first acknowledgement. `received` is the number
    of all messages that arrived. If nothing could be measured, `problem` is the reason.
    """

    unacknowledged: int
    received: int
    published: int
    turnaround_secs: float = 0.0
    released: int = 1
    problem: str = ""


def topic_of(settings: MqttSettings) -> str:
    """Return the topic of the doctor's test messages, which contains the client ID."""
    # A client ID may contain these characters. In a topic, they would separate levels or be wildcards.
    return _TOPIC + re.sub(r"[/+#]", "-", settings.client_id)


def probe(settings: MqttSettings) -> ProbeResult:
    """Publish messages in a session that also receives them.

    Acknowledge none of the received messages until the broker has accepted all published messages. Then acknowledge
    them all.
    """
    topic = topic_of(settings)
    # The subscription is not shared, because another client of the group would receive some of the messages.
    with ProbeSession(settings.model_copy(update={"share": None}), {topic: 1}) as session:
        session.open(CONNECT_SECS)
        subscriptions = session.subscriber.subscriptions
        if topic not in subscriptions.confirmed:
            why = subscriptions.refused.get(topic) or session.state.problem or "no response"
            return ProbeResult(0, 0, 0, problem=f"the subscription to {topic} was not granted: {why}")
        if problem := _first(session, topic):
            return ProbeResult(0, 0, 0, problem=problem)
        for _ in range(MESSAGES - 1):
            session.subscriber.publish_acknowledged(topic, _PAYLOAD)
        session.listen(_SECS, lambda: session.subscriber.publish_acks[0] >= MESSAGES)
        published = session.subscriber.publish_acks[0]
        _until_quiet(session)
        # Acknowledge a single message before the others, to measure the turnaround time, and how many messages the
        # broker sends for one acknowledgement.
        unacknowledged, needing = len(session.unacknowledged), session.needing
        turnaround = turnaround_of(session, 1) or 0.0
        released = max(1, session.needing - needing)
        session.acknowledge_all()
        # On a slow link, the next messages arrive only after a round trip. If it is not known, it is above 0.3 s.
        quiet = _until_quiet(session, max(_QUIET_SECS, 3 * turnaround) if turnaround else _SLOW_SECS, published)
        lost = session.state.problem or ("the session was lost" if session.subscriber.connections > 1 else "")
        if not quiet and session.messages < published:
            lost = lost or f"the link is too slow: messages still arrive after {_SECS:.0f} s"
        return ProbeResult(unacknowledged, session.messages, published, turnaround, released, lost)


def _first(session: ProbeSession, topic: str) -> str:
    """Publish one message and wait for it. Return "" if it arrives, otherwise the reason why it does not."""
    session.subscriber.publish_acknowledged(topic, _PAYLOAD)
    subscriber = session.subscriber
    session.listen(
        _FIRST_SECS, lambda: bool(subscriber.publish_acks[1] or session.messages or subscriber.connections > 1)
    )
    accepted, refused = subscriber.publish_acks
    if subscriber.connections > 1:
        return (
            f"the broker closed the connection after a message to {topic}; some brokers do so if publishing "
            "is not allowed"
        )
    if refused:
        return f"the broker refused a message to {topic}: {refused}"
    if session.messages:
        return ""
    what = "was accepted but not received: probably an access rule" if accepted else "got no response"
    return f"a message to {topic} {what}"


def _until_quiet(session: ProbeSession, quiet_secs: float = _QUIET_SECS, expected: float = math.inf) -> bool:
    """Receive messages until none arrives for `quiet_secs`, or until `expected` messages have arrived.

    Return False if messages still arrive after _SECS.
    """
    deadline = time.monotonic() + _SECS
    while time.monotonic() < deadline:
        before = session.messages
        if session.listen(quiet_secs, lambda: session.messages >= expected) or session.messages == before:
            return True
    return False


@dataclass(frozen=True, slots=True)
class ProbeMeasurement:
    """Result of the measurement. If the measurement failed, `window` is None and `finding` contains the reason."""

    window: InflightWindow | None
    finding: Finding


def measure_by_publishing(settings: MqttSettings, routes: Router) -> ProbeMeasurement:
    """Measure the in-flight window, and the limit of the queue that the broker uses while the window is full."""
    topic = topic_of(settings)
    if routes.match(topic.encode()).targets:
        message, advice = (
            f"not measured: a mapping matches {topic}",
            "omit --publish: the messages would become records",
        )
        return ProbeMeasurement(None, warning("broker.queue", _SUBJECT, message, advice))
    probed = probe(settings)
    if probed.problem:
        advice = f"allow this client to publish to {topic} and to subscribe to it, or omit --publish"
        return ProbeMeasurement(None, warning("broker.queue", _SUBJECT, probed.problem, advice))
    if probed.unacknowledged >= ENOUGH:
        # The broker sent all messages at once, without its queue. With a small Receive Maximum (MQTT 5), it must use
        # the queue.
        window = InflightWindow(None, probed.unacknowledged)
        narrow = probe(settings.model_copy(update={"protocol": "5", "receive_maximum": _NARROW_WINDOW}))
        return ProbeMeasurement(window, _queue(narrow if narrow.unacknowledged < ENOUGH else None))
    window = InflightWindow(probed.unacknowledged, probed.unacknowledged, probed.turnaround_secs, probed.released)
    return ProbeMeasurement(window, _queue(probed))


def _queue(probed: ProbeResult | None) -> Finding:
    if probed is None or probed.problem:
        message = "not measured: this broker sends everything at once, and queues only for a disconnected client"
        return info("broker.queue", _SUBJECT, message, QUEUE_ADVICE)
    facts = {"published": probed.published, "received": probed.received, "unacknowledged": probed.unacknowledged}
    queued = probed.received - probed.unacknowledged
    if probed.received < probed.published:
        message = (
            f"{probed.published:,} messages were published while this client acknowledged none: "
            f"{probed.received:,} arrived, "
            f"{probed.published - probed.received:,} were dropped although the broker had acknowledged them. "
            f"It queues only {queued:,} messages for a slow or disconnected client"
        )
        return failed("broker.queue", _SUBJECT, message, QUEUE_ADVICE, {**facts, "limit": queued})
    message = f"queued all of {probed.published:,} messages published while this client acknowledged none"
    return ok("broker.queue", _SUBJECT, f"{message}; its limit, if any, is above {queued:,}", facts)


def not_measured() -> Finding:
    """Return the finding for a run without `--publish`."""
    message = "not measured: offline queue limit (run `doctor --publish`)"
    return info("broker.queue", _SUBJECT, message, QUEUE_ADVICE)
