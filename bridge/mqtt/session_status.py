"""State of the MQTT session at one time, for the command `status` and for active problems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.mqtt.lost_guarantees import LostGuarantee


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """State of the session at one time.

    `problem` describes the current fault. `conflict` describes a client ID conflict that the broker has reported.
    `unstable` describes repeated ends of the session without a reason. Each of them is "" if there is no such problem.

    `connections` is the number of connections in this run. `attempts` is the number of failed attempts since the broker
    last accepted a session. `lost_guarantees` are the guarantees that the broker does not grant.
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
