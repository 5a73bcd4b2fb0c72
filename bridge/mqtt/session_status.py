"""State of the MQTT session at one time, for status and problems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.mqtt.lost_guarantees import LostGuarantee


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """State of the session. `problem` is "" without a fault.

    `conflict`: a client ID conflict that the broker reported. `unstable`: repeated ends without a reason. Both are ""
    if there is none. `attempts`: number of failed attempts since the broker last accepted a session. `lost_guarantees`:
    guarantees that the broker does not grant.
    """

    broker: str
    protocol: str
    connected: bool
    subscribed: bool
    problem: str
    connections: int
    conflict: str = ""
    unstable: str = ""
    attempts: int = 0
    lost_guarantees: tuple[LostGuarantee, ...] = ()
