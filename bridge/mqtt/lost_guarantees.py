"""Guarantees that the bridge requests from the broker, but that the broker does not grant.

For at-least-once delivery, the bridge requests QoS 1, a persistent session and more. A broker may accept the requests
and still grant less. Messages then arrive as usual, but some messages are lost in the next outage. So the bridge
reports each such case as an active problem. docs/reference/broker-requirements.md lists all cases.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from bridge.durations import duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.mqtt.broker_limits import BrokerLimits
    from bridge.mqtt.settings import MqttSettings
    from bridge.mqtt.subscriptions import Subscriptions

GuaranteeCode = Literal["qos-lowered", "session-expiry-lowered", "session-lost", "shared-subscription-unverified"]

MIN_SHOWN_SECS: Final = 600.0
MAX_SHOWN_SECS: Final = 3_600.0
"""Minimum and maximum time for which a discarded session is reported as a problem.

The time is limited, because a discarded session is a single event, which is also in the event log. Ten minutes are
enough for a monitoring system that polls `status` every five minutes.
"""
SHARED_IN_3_1_1: Final = (
    "MQTT 3.1.1 has no shared subscriptions of its own. Some brokers, such as mosquitto 2, support them in "
    "3.1.1. Other brokers grant the subscription and deliver nothing. If no messages arrive, use mqtt.protocol 5"
)
# Maximum number of filters in a text. There may be thousands of filters, but a log line must stay readable.
_EXAMPLES: Final = 3


class LostGuarantee(NamedTuple):
    """A guarantee that the broker does not grant. `cause` is a text with the requested and the granted value."""

    code: GuaranteeCode
    cause: str


class SessionLoss(NamedTuple):
    """A session that the broker discarded while the bridge was not connected.

    `found_at` is the clock time at which the bridge found the loss. `since_epoch_secs` is the end of the old
    connection, or 0 if it ended in an earlier run. `until_epoch_secs` is the start of the new connection.
    """

    found_at: float
    since_epoch_secs: float
    until_epoch_secs: float

    @property
    def away_secs(self) -> float | None:
        """Seconds without a connection, or None if the end of the old connection is unknown."""
        return max(0.0, self.until_epoch_secs - self.since_epoch_secs) if self.since_epoch_secs else None

    def shown(self, now: float) -> bool:
        """Return whether to report the loss.

        It is reported for as long as the bridge was away, but at least for MIN_SHOWN_SECS and at most for
        MAX_SHOWN_SECS.
        """
        secs = MAX_SHOWN_SECS if self.away_secs is None else self.away_secs
        return now - self.found_at <= min(MAX_SHOWN_SECS, max(MIN_SHOWN_SECS, secs))

    def text(self) -> str:
        """Return a text with both times in UTC. It explains which messages may be lost."""
        until = _utc(self.until_epoch_secs)
        between = f"before {until}, while the bridge was not connected,"
        if self.away_secs is not None:
            between = f"between {_utc(self.since_epoch_secs)} and {until} ({duration(self.away_secs)})"
        return (
            "the broker had discarded the session of this client ID, with all messages in its queue: messages "
            f"published {between} may be lost; later messages are not affected"
        )


def lost_guarantees(
    settings: MqttSettings,
    subscriptions: Subscriptions,
    limits: BrokerLimits,
    *,
    shared_unverified: bool,
    loss: SessionLoss | None,
) -> Iterator[LostGuarantee]:
    """Yield the guarantees that the bridge has requested, but that the broker does not grant.

    `shared_unverified` is true if a shared group is used with MQTT 3.1.1 and no message has arrived yet.
    """
    lowered = subscriptions.lowered
    if lowered:
        shown = [f"{text}: QoS {granted} instead of {requested}" for text, (granted, requested) in lowered.items()]
        more = [f"and {len(shown) - _EXAMPLES} more"] if len(shown) > _EXAMPLES else []
        yield LostGuarantee("qos-lowered", ", ".join(shown[:_EXAMPLES] + more))
    requested, granted = settings.session_expiry_secs, limits.session_expiry_secs
    if settings.persistent and granted is not None and granted < requested:
        cause = f"the broker stores the session for {granted:,} s, mqtt.session_expiry_secs requests {requested:,} s"
        yield LostGuarantee("session-expiry-lowered", cause)
    if loss is not None:
        yield LostGuarantee("session-lost", loss.text())
    if shared_unverified:
        yield LostGuarantee("shared-subscription-unverified", SHARED_IN_3_1_1)


def _utc(epoch_secs: float) -> str:
    return datetime.fromtimestamp(epoch_secs, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
