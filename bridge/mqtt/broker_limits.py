"""Limits and features that an MQTT 5 broker reports in its CONNACK.

https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901080 (3.2.2.3, CONNACK Properties)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class BrokerLimits:
    """Limits of the broker for this client. The default values are from the specification.

    `packet_bytes`, `session_expiry_secs` and `keepalive_secs` are None if the broker does not report them. If
    `keepalive_secs` is 0, the broker does not require keepalive packets.
    """

    qos: int = 2
    wildcards: bool = True
    shared: bool = True
    identifiers: bool = True
    packet_bytes: int | None = None
    session_expiry_secs: int | None = None
    keepalive_secs: int | None = None

    @classmethod
    def of_3_1_1(cls) -> Self:
        """Return the limits of an MQTT 3.1.1 broker. It cannot report limits, and has no subscription identifiers."""
        return cls(identifiers=False)

    @classmethod
    def of_connack(cls, properties: Mapping[str, Any]) -> Self:
        """Return the limits in a CONNACK. The keys of `properties` are the names in the specification."""
        return cls(
            qos=properties.get("MaximumQoS", 2),
            # A broker usually sends these three properties only if it lacks the feature. If a property is absent, the
            # broker has the feature.
            wildcards=properties.get("WildcardSubscriptionAvailable", 1) != 0,
            shared=properties.get("SharedSubscriptionAvailable", 1) != 0,
            identifiers=properties.get("SubscriptionIdentifierAvailable", 1) != 0,
            packet_bytes=properties.get("MaximumPacketSize"),
            session_expiry_secs=properties.get("SessionExpiryInterval"),
            keepalive_secs=properties.get("ServerKeepAlive"),
        )
