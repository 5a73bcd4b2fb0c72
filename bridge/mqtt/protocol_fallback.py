"""Choice of the MQTT version for each address: 5, or 3.1.1 with a broker that does not support 5."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.mqtt.session_settings import Address

_PATIENCE: Final = 1
_PATIENCE_AFTER_5: Final = 3
"""Attempts without a CONNACK before the other version is tried, for a broker that has accepted MQTT 5 before.

Such a broker is more likely overloaded than unable to use MQTT 5.
"""


class ProtocolFallback:
    """MQTT version of each broker, as far as the subscriber knows it. A broker shows its version in one of three ways.

    1. It accepts the connection: the version is right.
    2. It refuses the version in its CONNACK: use 3.1.1 from now on.
    3. It closes the connection, or sends nothing, before any CONNACK. Some brokers do so with a version they do not
       know. A broker that is starting or overloaded does so too. The two versions are therefore tried in turn.
    """

    def __init__(self, addresses: Sequence[Address], *, version_5: bool) -> None:
        """Start with MQTT 5. With `version_5` false the configuration demands 3.1.1, and there is no fallback."""
        self._wanted_5 = version_5
        self._speaks_5 = dict.fromkeys(addresses, version_5)
        self._unanswered: dict[Address, int] = {}
        self._accepted_5: set[Address] = set()

    def version_5(self, address: Address) -> bool:
        """Return whether to speak MQTT 5 in the next connection."""
        return self._speaks_5[address]

    def accepted(self, address: Address, *, version_5: bool) -> None:
        """Note that the broker accepted a connection of this version."""
        self._unanswered.pop(address, None)
        if version_5:
            self._accepted_5.add(address)

    def refused_5(self, address: Address) -> None:
        """Note that the broker refused MQTT 5 by name."""
        self._speaks_5[address] = False

    def unanswered(self, address: Address) -> None:
        """Note that a connection ended before a CONNACK."""
        attempts = self._unanswered[address] = self._unanswered.get(address, 0) + 1
        patience = _PATIENCE_AFTER_5 if address in self._accepted_5 else _PATIENCE
        if self._wanted_5 and attempts >= patience:
            self._speaks_5[address] = not self._speaks_5[address]
