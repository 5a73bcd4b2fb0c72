"""Limits that the broker reports: in the CONNACK of MQTT 5, and on mosquitto's $SYS topics if they are readable."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from bridge.tools.doctor.finding import failed, warning, well

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bridge.mqtt.packet_stream import Publish
    from bridge.mqtt.session_settings import SessionSettings
    from bridge.tools.doctor.finding import Finding

_VERSION: Final = "$SYS/broker/version"
_UPTIME: Final = "$SYS/broker/uptime"
_DROPPED: Final = "$SYS/broker/publish/messages/dropped"
_DROPPED_NOW: Final = "$SYS/broker/load/publish/dropped/1min"
SYS_FILTERS: Final = dict.fromkeys((_VERSION, _UPTIME, _DROPPED, _DROPPED_NOW), 0)
"""Subscriptions with QoS 0, for which the broker queues nothing. https://mosquitto.org/man/mosquitto-8.html"""
QUEUE_ADVICE: Final = (
    "in mosquitto.conf: `max_queued_messages 0` (1000 unless set, and what is more is dropped silently), "
    "`persistence true`, `autosave_interval 1`; other brokers: the queue limit of a client"
)
_NAMES: Final = {
    "SessionExpiryInterval": "the session is kept for {} s",
    "ReceiveMaximum": "takes {} unacknowledged messages of a client",
    "MaximumQoS": "QoS {} at most",
    "MaximumPacketSize": "packets of {} bytes at most",
    "ServerKeepAlive": "keepalive {} s",
    "WildcardSubscriptionAvailable": "",
    "SharedSubscriptionAvailable": "",
}
"""Properties of a CONNACK that the finding contains, and their form in its text ("": not in the text)."""
_WILDCARD: Final = re.compile(r"[+#]")


class SysTopics:
    """Values of the $SYS topics. They are retained, so they arrive at once or never."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def take(self, message: Publish) -> None:
        """Store the value in a message."""
        with suppress(UnicodeDecodeError):
            self._values[message[1].decode()] = message[4][:200].decode()

    @property
    def complete(self) -> bool:
        """True if all values have arrived."""
        return self._values.keys() >= SYS_FILTERS.keys()

    @property
    def version(self) -> str:
        """Version, such as "mosquitto version 2.0.11"; "" if the broker does not report it."""
        return self._values.get(_VERSION, "")

    def findings(self) -> Iterator[Finding]:
        """Yield a finding on messages that the broker dropped; none if it does not report them."""
        if (dropped := _number(self._values.get(_DROPPED))) is None:
            return
        uptime = f" in the {self._values[_UPTIME]} since it started" if _UPTIME in self._values else " since it started"
        now = _number(self._values.get(_DROPPED_NOW)) or 0.0
        facts = {"dropped": round(dropped), "dropped_per_min": round(now), "version": self.version}
        if not dropped:
            yield well("broker.dropped", "dropped by the broker", f"no message{uptime}", facts)
            return
        said = f"{dropped:,.0f} messages{uptime}, for any of its clients (an earlier doctor's too)"
        if round(now):
            said += f", and {now:,.0f} a minute just now"
        yield warning("broker.dropped", "dropped by the broker", said, QUEUE_ADVICE, facts)


def _number(text: str | None) -> float | None:
    with suppress(TypeError, ValueError):
        return float(text)  # type: ignore[arg-type]  # None is a TypeError
    return None


def limit_findings(
    told: Mapping[str, Any], settings: SessionSettings, filters: Mapping[str, int], version: str
) -> Iterator[Finding]:
    """Yield findings on `told`: the CONNACK's properties by their names in the specification; {} for MQTT 3.1.1."""
    told = {name: told[name] for name in _NAMES if name in told}
    words = [form.format(f"{told[name]:,}") for name, form in _NAMES.items() if form and name in told]
    if words or version:
        yield well("broker.limits", "the broker says", ", ".join([*([version] if version else []), *words]), told)
    yield from _expiry(told, settings)
    yield from _subscribing(told, settings, filters)


def _expiry(told: Mapping[str, Any], settings: SessionSettings) -> Iterator[Finding]:
    kept, asked = told.get("SessionExpiryInterval"), settings.session_expiry_secs
    if kept is not None and kept < asked:
        said = f"the broker keeps the session for {kept:,} s, and not for mqtt.session_expiry_secs ({asked:,} s)"
        advice = "raise its limit: what comes in a longer outage of the bridge is lost"
        yield warning("broker.limits", "session expiry", said, advice, {"SessionExpiryInterval": kept})


def _subscribing(told: Mapping[str, Any], settings: SessionSettings, filters: Mapping[str, int]) -> Iterator[Finding]:
    most = told.get("MaximumQoS", 2)
    if above := sorted(text for text, qos in filters.items() if qos > most):
        said = f"the broker has QoS {most} at most, and mappings ask for more: {_listed(above)}"
        advice = (
            f"write `qos: {most}` in them, to say what there is"
            if most
            else "QoS 0 may lose messages: use another broker"
        )
        yield warning("broker.limits", "QoS", said, advice)
    if told.get("WildcardSubscriptionAvailable", 1) == 0 and (
        wild := [text for text in filters if _WILDCARD.search(text)]
    ):
        said, advice = f"the broker takes no + and #, and mappings use them: {_listed(wild)}", "write each topic whole"
        yield failed("broker.limits", "wildcards", said, advice)
    if settings.share and told.get("SharedSubscriptionAvailable", 1) == 0:
        said, advice = (
            "the broker has no shared subscriptions",
            "leave mqtt.share out: one bridge, with its own session",
        )
        yield failed("broker.limits", "shared subscription", said, advice)


def _listed(texts: Iterable[str]) -> str:
    texts = list(texts)
    return ", ".join(texts[:3]) + (f" and {len(texts) - 3} more" if len(texts) > 3 else "")  # noqa: PLR2004 - examples
