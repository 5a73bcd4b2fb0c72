"""Choice of the MQTT version for each address: 5, or 3.1.1 if the broker does not support MQTT 5."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.mqtt.broker_address import BrokerAddress

RETRY_5_SECS: Final = 600.0
"""Time after which the next connection to a broker without MQTT 5 tries it again: the broker may have been upgraded."""


@dataclass(slots=True)
class _BrokerProtocol:
    """Knowledge about one broker."""

    version_5: bool
    """Version of the next connection."""
    accepted_5: bool = False
    """True after a session of MQTT 5. From then on, only an explicit refusal means 3.1.1."""
    accepted: bool = False
    """True after a session of either version."""
    inferred: bool = False
    """True while 3.1.1 is tried only because connections of MQTT 5 ended without a response."""
    without_5_at: float | None = None
    """Clock time at which the broker was found to have no MQTT 5."""


class ProtocolFallback:
    """MQTT version to use for each broker. There are three cases.

    1. The broker refuses the version in its CONNACK. The next connection uses 3.1.1. If the broker has accepted MQTT 5
       before (for example in a rolling upgrade), the connection after that tries MQTT 5 again. Otherwise, a connection
       after RETRY_5_SECS does.
    2. The broker closes the connection, or sends nothing, before any CONNACK. The broker may not know the version, but
       it may also be starting, or be down behind a proxy. So the two versions are tried in turn, unless the broker has
       accepted MQTT 5 before.
    3. The broker accepts 3.1.1 after case 2. The outage may have ended in between, so the next connection follows at
       once and tries MQTT 5 again. If there is no response again, the broker does not support MQTT 5, as in case 1.
    """

    def __init__(self, addresses: Sequence[BrokerAddress], *, version_5: bool) -> None:
        """Start with MQTT 5. If `version_5` is false, the configuration requires 3.1.1, and there is no fallback."""
        self._wanted_5 = version_5
        self._known = {address: _BrokerProtocol(version_5) for address in addresses}

    def version_5(self, address: BrokerAddress) -> bool:
        """Return whether to use MQTT 5 in the next connection."""
        return self._known[address].version_5

    def accepted(self, address: BrokerAddress, now: float, *, version_5: bool) -> bool:
        """Note that the broker accepted a connection of this version.

        Return False if the connection only proves that the broker is up. The next connection must then try MQTT 5.
        """
        known = self._known[address]
        known.accepted = True
        if version_5:
            known.accepted_5, known.inferred, known.without_5_at = True, False, None
            return True
        # 3.1.1 was tried only because there was no answer to MQTT 5. The success shows that the broker is up again.
        if self._wanted_5 and known.inferred and known.without_5_at is None:
            known.version_5, known.without_5_at = True, now
            return False
        known.inferred = False
        return True

    def known(self, address: BrokerAddress) -> bool:
        """Return whether the broker has accepted a session."""
        return self._known[address].accepted

    def upgrade_due(self, address: BrokerAddress, now: float) -> bool:
        """Return whether to end a session of 3.1.1, because the broker has accepted MQTT 5 before."""
        known = self._known[address]
        if known.version_5 or not known.accepted_5 or known.without_5_at is None:
            return False
        return now - known.without_5_at > RETRY_5_SECS

    def try_5(self, address: BrokerAddress) -> None:
        """Use MQTT 5 in the next connection."""
        self._known[address].version_5 = True

    def ended(self, address: BrokerAddress, now: float) -> None:
        """Note that a session has ended, because the next session may have to try MQTT 5 again."""
        known = self._known[address]
        if not self._wanted_5 or known.version_5:
            return
        # A rolling upgrade takes minutes, so MQTT 5 is tried at most once in ten minutes with a broker that lacks it.
        old = known.without_5_at is None or now - known.without_5_at > RETRY_5_SECS
        if known.accepted_5 or old:
            known.version_5, known.without_5_at = True, None

    def refused_5(self, address: BrokerAddress, now: float) -> None:
        """Note that the broker refused MQTT 5 explicitly."""
        known = self._known[address]
        known.version_5, known.inferred, known.without_5_at = False, False, now

    def unanswered(self, address: BrokerAddress) -> None:
        """Note that a connection ended before a CONNACK."""
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
