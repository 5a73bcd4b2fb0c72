"""Limits that the broker reports: in the CONNACK of MQTT 5, and on mosquitto's $SYS topics if they are readable."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from bridge.durations import pluralize
from bridge.tools.doctor.finding import failed, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bridge.mqtt.packet_stream import Publish
    from bridge.mqtt.settings import MqttSettings
    from bridge.tools.doctor.finding import Finding

_VERSION: Final = "$SYS/broker/version"
_UPTIME: Final = "$SYS/broker/uptime"
_DROPPED: Final = "$SYS/broker/publish/messages/dropped"
_DROPPED_NOW: Final = "$SYS/broker/load/publish/dropped/1min"
SYS_FILTERS: Final = dict.fromkeys((_VERSION, _UPTIME, _DROPPED, _DROPPED_NOW), 0)
"""Subscriptions to mosquitto's $SYS topics (https://mosquitto.org/man/mosquitto-8.html).

They use QoS 0, so that the broker does not queue the messages.
"""
QUEUE_ADVICE: Final = (
    "in mosquitto.conf: `max_queued_messages 0` (the default is 1000; further messages are dropped silently), "
    "`persistence true`, `autosave_interval 1`; other brokers: the queue limit of a client"
)
# CONNACK properties that become facts of the finding, and the text for each property in the message. A property with
# the text "" is not in the message.
_NAMES: Final = {
    "SessionExpiryInterval": "session expiry {} s",
    "ReceiveMaximum": "receive maximum {}",
    "MaximumQoS": "maximum QoS {}",
    "MaximumPacketSize": "maximum packet size {} bytes",
    "ServerKeepAlive": "keep-alive {} s",
    "WildcardSubscriptionAvailable": "",
    "SharedSubscriptionAvailable": "",
}
_WILDCARD: Final = re.compile(r"[+#]")


class SysTopics:
    """Values of the $SYS topics. The broker retains their messages, so they arrive immediately or not at all."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def add(self, message: Publish) -> None:
        """Store the value that a message contains."""
        with suppress(UnicodeDecodeError):
            # The size is limited, because some brokers allow any client to publish to $SYS topics.
            self._values[message[1].decode()] = message[4][:200].decode()

    @property
    def complete(self) -> bool:
        """True if all values have arrived."""
        return self._values.keys() >= SYS_FILTERS.keys()

    @property
    def version(self) -> str:
        """Version, such as "mosquitto version 2.0.11", or "" if the broker does not report its version."""
        return self._values.get(_VERSION, "")

    def findings(self) -> Iterator[Finding]:
        """Yield a finding on the messages that the broker dropped. Yield nothing if the broker does not report them."""
        if (dropped := _number(self._values.get(_DROPPED))) is None:
            return
        uptime = f" in the {self._values[_UPTIME]} since it started" if _UPTIME in self._values else " since it started"
        now = _number(self._values.get(_DROPPED_NOW)) or 0.0
        facts = {"dropped": round(dropped), "dropped_per_min": round(now), "version": self.version}
        if not dropped:
            yield ok("broker.dropped", "dropped by the broker", f"no message{uptime}", facts)
            return
        message = (
            f"{pluralize(round(dropped), 'message')}{uptime}, for all of its clients (including an earlier doctor)"
        )
        if round(now):
            message += f", and {now:,.0f} a minute at present"
        yield warning("broker.dropped", "dropped by the broker", message, QUEUE_ADVICE, facts)


def _number(text: str | None) -> float | None:
    with suppress(TypeError, ValueError):
        return float(text)  # type: ignore[arg-type]  # None is a TypeError
    return None


def limit_findings(
    connack: Mapping[str, Any], settings: MqttSettings, filters: Mapping[str, int], version: str
) -> Iterator[Finding]:
    """Yield findings on the limits in the broker's CONNACK.

    `connack` maps the names of the packet's properties (as in the MQTT 5 specification) to their values. It is empty
    for MQTT 3.1.1.
    """
    connack = {name: connack[name] for name in _NAMES if name in connack}
    texts = [form.format(f"{connack[name]:,}") for name, form in _NAMES.items() if form and name in connack]
    if texts or version:
        yield ok("broker.limits", "broker limits", ", ".join([*([version] if version else []), *texts]), connack)
    yield from _expiry(connack, settings)
    yield from _subscribing(connack, settings, filters)


def _expiry(connack: Mapping[str, Any], settings: MqttSettings) -> Iterator[Finding]:
    granted, requested = connack.get("SessionExpiryInterval"), settings.session_expiry_secs
    if granted is not None and granted < requested:
        message = f"the broker limits the session to {granted:,} s; mqtt.session_expiry_secs is {requested:,} s"
        advice = "raise the broker's limit: if the bridge is stopped for longer, messages are lost"
        yield warning("broker.limits", "session expiry", message, advice, {"SessionExpiryInterval": granted})


def _subscribing(connack: Mapping[str, Any], settings: MqttSettings, filters: Mapping[str, int]) -> Iterator[Finding]:
    # The broker omits a property of the CONNACK if it supports the feature fully (MQTT 5, section 3.2.2.3).
    max_qos = connack.get("MaximumQoS", 2)
    if above := sorted(text for text, qos in filters.items() if qos > max_qos):
        message = f"the broker supports QoS {max_qos} at most, and mappings request more: {_listed(above)}"
        advice = f"set `qos: {max_qos}` in them" if max_qos else "QoS 0 may lose messages: use another broker"
        yield warning("broker.limits", "QoS", message, advice)
    if connack.get("WildcardSubscriptionAvailable", 1) == 0 and (
        wild := [text for text in filters if _WILDCARD.search(text)]
    ):
        message, advice = (
            f"the broker does not support + and #, and mappings use them: {_listed(wild)}",
            "write complete topics",
        )
        yield failed("broker.limits", "wildcards", message, advice)
    if settings.share and connack.get("SharedSubscriptionAvailable", 1) == 0:
        message, advice = (
            "the broker does not support shared subscriptions",
            "remove mqtt.share: use one bridge with its own session",
        )
        yield failed("broker.limits", "shared subscription", message, advice)


def _listed(texts: Iterable[str]) -> str:
    texts = list(texts)
    return ", ".join(texts[:3]) + (f" and {len(texts) - 3} more" if len(texts) > 3 else "")  # noqa: PLR2004 - number of examples
