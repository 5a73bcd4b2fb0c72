"""Broker checks. They open two sessions one after another, and never change the session of the bridge.

The first session reads the limits that the broker reports, and receives no plant data. The second session subscribes as
the bridge does, with the same QoS, and ends after some seconds. At first it acknowledges nothing, to measure the
in-flight window: how many messages the broker sends without an acknowledgement. Then it acknowledges each message
immediately, to count retained messages and measure the traffic. `doctor` discards the messages, and the broker deletes
the sessions at their end. Only `--publish` publishes messages (publish_probe.py).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.mqtt.lost_guarantees import SHARED_IN_3_1_1
from bridge.tools.doctor.broker.connection_advice import no_session
from bridge.tools.doctor.broker.inflight_window import InflightWindow, SessionTerms, measure_window, window_finding
from bridge.tools.doctor.broker.limit_findings import SYS_FILTERS, SysTopics, limit_findings
from bridge.tools.doctor.broker.probe_session import CONNECT_SECS, ProbeSession
from bridge.tools.doctor.broker.publish_probe import ProbeMeasurement, measure_by_publishing, not_measured
from bridge.tools.doctor.broker.retained_messages import (
    SUSPICIOUS,
    count_at_full_speed,
    count_retained,
    retained_findings,
)
from bridge.tools.doctor.broker.traffic_sample import TrafficSample
from bridge.tools.doctor.finding import failed, ok, warning
from bridge.tools.doctor.network import Endpoint, reach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.mapping.router import Router
    from bridge.mqtt.settings import MqttSettings
    from bridge.mqtt.subscriptions import Subscriptions
    from bridge.tools.doctor.finding import Finding
    from bridge.tools.doctor.traffic_rate import SharedRate

SUFFIX: Final = "-doctor"
"""Suffix for the client ID and the shared-subscription group, so that the doctor's names differ from the bridge's."""
LISTEN_SECS = 3.0
SYSTEM_SECS = 1.0
_VERSION_5_SECS: Final = 3.0


@dataclass(frozen=True, slots=True)
class BrokerTarget:
    """Input of the broker checks.

    `sync_secs` returns the duration of an fsync of the spool, or 0 if it cannot be measured. The checks set `rate`,
    which is the rate into the spool. If `publishing` is true, the checks also publish test messages.
    """

    settings: MqttSettings
    routes: Router
    sync_secs: Callable[[], float]
    rate: SharedRate
    publishing: bool = False

    @property
    def own(self) -> MqttSettings:
        """Settings of the doctor's sessions, with a different client ID and a different shared-subscription group.

        If the doctor joined the group of the bridges, the broker would send it some of their messages, and these
        messages would be lost.
        """
        share = self.settings.share + SUFFIX if self.settings.share else None
        return self.settings.temporary(SUFFIX, share)


def examine_broker(target: BrokerTarget) -> Iterator[Finding]:
    """Yield findings on each address of the broker. If an address can be reached, also yield findings on a session."""
    try:
        reached = False
        for address in target.settings.addresses:
            context = target.settings.tls.context if address.encrypted else None
            found = list(
                reach(Endpoint("broker.address", f"broker {address}", address.host, address.port, context, "mqtt.tls"))
            )
            # One address is enough for a session, because the bridge tries all addresses in turn.
            reached |= all(each.status != "error" for each in found)
            yield from found
        if reached:
            yield from _session_findings(target)
    finally:
        # The spool check waits for the rate. End its wait even if the broker cannot be reached.
        target.rate.set_rate(None)


def _session_findings(target: BrokerTarget) -> Iterator[Finding]:
    system = SysTopics()
    # Request the same session expiry as the bridge, because the broker reports its limit only if the request exceeds
    # the limit. The next session has the same client ID and replaces this session, so it does not remain at the broker.
    expiry_secs = target.settings.session_expiry_secs if target.settings.version_5 else 0
    own = target.own.model_copy(update={"share": None, "session_expiry_secs": expiry_secs})
    with ProbeSession(own, SYS_FILTERS, system.add) as session:
        session.open(CONNECT_SECS)
        state = session.state
        if not state.connected:
            yield no_session(state.problem, target.settings)
            return
        message = f"connected and authenticated at {state.broker} (MQTT {state.protocol})"
        yield ok("broker.session", "session", message, {"broker": state.broker, "protocol": state.protocol})
        session.listen(SYSTEM_SECS, lambda: system.complete)
        limits = session.subscriber.limits
    yield from limit_findings(limits, target.settings, target.routes.filters(), system.version)
    yield from system.findings()
    yield from _traffic_findings(target, supports_mqtt5=state.protocol == "5" or _supports_mqtt5(target.own))


def _supports_mqtt5(own: MqttSettings) -> bool:
    """Return whether the broker supports MQTT 5, although the bridge is configured to use 3.1.1."""
    with ProbeSession(own.model_copy(update={"protocol": "5", "share": None}), {}) as session:
        return session.open(_VERSION_5_SECS) and session.state.protocol == "5"


def _traffic_findings(target: BrokerTarget, *, supports_mqtt5: bool) -> Iterator[Finding]:
    sample, filters = TrafficSample(target.routes), target.routes.filters()
    joined = target.routes.joined_filters()
    with ProbeSession(target.own, filters, sample.add, joined=joined) as session:
        session.open(CONNECT_SECS)
        began = time.monotonic()
        yield from subscription_findings(session.subscriber.subscriptions)
        # Measure the window while the retained messages arrive: they fill the window even if no machine publishes.
        window = measure_window(session)
        session.acknowledge_all()
        protocol = session.state.protocol
        counted = count_retained(session, began)
        live = _LiveTraffic(session)
        sample.begin()
        session.listen(LISTEN_SECS)
        target.rate.set_rate(sample.rate())
        messages = live.finding(len(filters))
        if not session.state.connected:
            yield no_session(session.state.problem, target.settings)
        if target.settings.share and protocol != "5" and not session.messages:
            advice = "use protocol 5, or check that messages arrive while something is published"
            yield warning("broker.limits", "shared subscription", SHARED_IN_3_1_1, advice)
    measured = (
        measure_by_publishing(target.own, target.routes)
        if target.publishing
        else ProbeMeasurement(None, not_measured())
    )
    terms = SessionTerms(protocol, target.settings.receive_maximum, supports_mqtt5)
    yield window_finding(_better(window, measured.window), terms, target.sync_secs())
    yield measured.finding
    all_retained = count_at_full_speed(target.own, joined) if counted.messages >= SUSPICIOUS else None
    yield from retained_findings(counted, all_retained, sample, protocol)
    yield messages


def _better(sampled: InflightWindow, published: InflightWindow | None) -> InflightWindow:
    """Return `sampled`, or `published` if the plant's traffic was too small to measure the window."""
    return published if published is not None and sampled.size is None else sampled


class _LiveTraffic:
    """Measurement of the current traffic, without retained messages."""

    def __init__(self, session: ProbeSession) -> None:
        self._session = session
        self._before = session.messages - session.retained, session.bytes - session.retained_bytes
        self._began = time.monotonic()

    def finding(self, filters: int) -> Finding:
        """Return the finding on the messages since this object was created. `filters` is the number of filters."""
        secs = time.monotonic() - self._began
        messages = self._session.messages - self._session.retained - self._before[0]
        size = self._session.bytes - self._session.retained_bytes - self._before[1]
        facts = {"messages": messages, "bytes": size, "secs": round(secs, 1)}
        if messages:
            message = f"{messages:,} in {secs:.0f} s: {messages / secs:,.0f} messages/s, {size / secs / 1000:,.1f} kB/s"
            return ok("broker.messages", "messages", message, facts)
        advice = "perhaps nothing was published during the test; or an access rule of the broker withholds messages"
        many = f"{filters} filter{'' if filters == 1 else 's'}"
        return warning("broker.messages", "messages", f"none in {secs:.0f} s on {many}", advice, facts)


def subscription_findings(subscriptions: Subscriptions) -> Iterator[Finding]:
    """Yield a finding on the broker's response to each subscription (SUBACK)."""
    for text, qos in subscriptions.wanted.items():
        subject = f"subscription {text}"
        given = subscriptions.granted_qos.get(text)
        facts = {"filter": text, "requested": qos, "granted": given}
        if text in subscriptions.refused:
            advice = "allow this client to subscribe to it in the broker's access rules"
            yield failed("broker.subscription", subject, f"refused: {subscriptions.refused[text]}", advice, facts)
        elif given is None:
            yield failed("broker.subscription", subject, "no SUBACK from the broker", "see the broker's log", facts)
        elif given < qos:
            advice = "with this QoS, lost messages are not sent again: allow a higher QoS in the broker"
            yield warning(
                "broker.subscription",
                subject,
                f"granted QoS {given} instead of {qos}",
                advice,
                facts,
            )
        else:
            yield ok("broker.subscription", subject, f"granted, QoS {given}", facts)
