"""Choice of the MQTT version for each address: 5, or 3.1.1 if the broker does not support MQTT 5."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.mqtt.broker_address import BrokerAddress

RETRY_5_SECS: Final = 600.0
"""Time after which a new connection to a broker without MQTT 5 tries MQTT 5 again, because of a possible upgrade."""


@dataclass(slots=True)
class _BrokerProtocol:
    """Knowledge about the MQTT versions of one broker."""

    version_5: bool
    """True if the next connection uses MQTT 5."""
    accepted_5: bool = False
    """True if the broker has accepted a session of MQTT 5.

    Then the bridge uses 3.1.1 only after an explicit refusal.
    """
    accepted: bool = False
    """True if the broker has accepted a session of either version."""
    inferred: bool = False
    """True while 3.1.1 is tried only because connections with MQTT 5 ended without a response."""
    without_5_at: float | None = None
    """Clock time at which the bridge found that the broker does not support MQTT 5."""


class ProtocolFallback:
    """MQTT version to use for each broker. The first connection uses MQTT 5. Then there are three cases.

    1. The broker refuses MQTT 5 in its CONNACK. The next connection uses 3.1.1. If the broker has accepted MQTT 5
       before, it may be in a rolling upgrade, so the following connection tries MQTT 5 again. If it has never accepted
       MQTT 5, the bridge tries MQTT 5 again after RETRY_5_SECS.
    2. The broker sends no CONNACK. Perhaps it does not support MQTT 5, or it is starting, or it is down behind a proxy.
       So the bridge alternates between the two versions. If the broker has accepted MQTT 5 before, the bridge tries
       only MQTT 5.
    3. After case 2, the broker accepts 3.1.1. Perhaps it has just recovered from an outage and supports MQTT 5. So the
       bridge reconnects at once with MQTT 5. If there is no CONNACK again, the broker does not support MQTT 5.
    """

    def __init__(self, addresses: Sequence[BrokerAddress], *, version_5: bool) -> None:
        """Begin with MQTT 5. If `version_5` is false, always use 3.1.1, because the configuration requires it."""
        self._wanted_5 = version_5
        self._known = {address: _BrokerProtocol(version_5) for address in addresses}

    def version_5(self, address: BrokerAddress) -> bool:
        """Return whether the next connection to this broker uses MQTT 5."""
        return self._known[address].version_5

    def accepted(self, address: BrokerAddress, now: float, *, version_5: bool) -> bool:
        """Record that the broker has accepted a session of this version.

        Return False in case 3: the caller must then end the session, and connect with MQTT 5.
        """
        known = self._known[address]
        known.accepted = True
        if version_5:
            known.accepted_5, known.inferred, known.without_5_at = True, False, None
            return True
        # Case 3: 3.1.1 was tried only because there was no response to MQTT 5.
        if self._wanted_5 and known.inferred and known.without_5_at is None:
            known.version_5, known.without_5_at = True, now
            return False
        known.inferred = False
        return True

    def known(self, address: BrokerAddress) -> bool:
        """Return whether the broker has ever accepted a session."""
        return self._known[address].accepted

    def upgrade_due(self, address: BrokerAddress, now: float) -> bool:
        """Return whether to end a session of 3.1.1 in order to try MQTT 5.

        Return True if the broker has accepted MQTT 5 earlier, and has refused it more than RETRY_5_SECS ago.
        """
        known = self._known[address]
        if known.version_5 or not known.accepted_5 or known.without_5_at is None:
            return False
        return now - known.without_5_at > RETRY_5_SECS

    def try_5(self, address: BrokerAddress) -> None:
        """Use MQTT 5 in the next connection."""
        self._known[address].version_5 = True

    def ended(self, address: BrokerAddress, now: float) -> None:
        """Record that a session has ended, and decide whether the next connection tries MQTT 5 again."""
        known = self._known[address]
        if not self._wanted_5 or known.version_5:
            return
        # If the broker has never accepted MQTT 5, try MQTT 5 at most once in RETRY_5_SECS.
        old = known.without_5_at is None or now - known.without_5_at > RETRY_5_SECS
        if known.accepted_5 or old:
            known.version_5, known.without_5_at = True, None

    def refused_5(self, address: BrokerAddress, now: float) -> None:
        """Record that the broker has refused MQTT 5 in its CONNACK."""
        known = self._known[address]
        known.version_5, known.inferred, known.without_5_at = False, False, now

    def unanswered(self, address: BrokerAddress) -> None:
        """Record that a connection has ended without a CONNACK."""
        known = self._known[address]
        if not self._wanted_5:
            return
        if known.accepted_5:
            known.version_5 = True
        elif known.inferred and known.without_5_at is not None and known.version_5:
            # Case 3: the broker has just accepted 3.1.1, but does not respond to MQTT 5.
            known.version_5 = False
        else:
            known.version_5, known.inferred, known.without_5_at = not known.version_5, known.version_5, None
