"""Whether the bridge is alive, and whether it does its work.

alive   progress, and not "connected": the ingest thread comes by, the senders' threads live. A supervisor restarts what
        is not alive; a broker that is away is no reason to.
ready   it receives, spools and delivers; if not, every reason why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.monitoring.running_bridge import RunningBridge
    from bridge.monitoring.snapshot import Snapshot

NOT_AT_WORK = ("starting", "restarting", "stopped")


@dataclass(frozen=True, slots=True)
class HealthStatus:
    """`reasons` says why not; empty if all is well."""

    reasons: tuple[str, ...]

    @property
    def well(self) -> bool:
        """Whether there is nothing to say."""
        return not self.reasons

    def value(self) -> dict[str, Any]:
        """As JSON."""
        return {"ok": self.well, "reasons": list(self.reasons)}


def health(bridge: RunningBridge) -> HealthStatus:
    """/healthz: restart it if not."""
    return HealthStatus(tuple(bridge.stalled()))


def readiness(bridge: RunningBridge) -> HealthStatus:
    """/readyz: why it does not do all of its work."""
    return readiness_of(bridge.snapshot())


def readiness_of(snapshot: Snapshot) -> HealthStatus:
    """The same, of a bridge that has been looked at."""
    reasons = list(snapshot.stalled)
    if not snapshot.connected:
        reasons.append(f"not connected to {snapshot.broker}")
    elif not snapshot.subscribed:
        reasons.append(f"not subscribed at {snapshot.broker}")
    reasons += [snapshot.rival] if snapshot.rival else []
    reasons += [
        f"{each.stream}: refused: {each.detail}; {each.hint}" for each in snapshot.streams if each.state == "refused"
    ]
    reasons += [f"not spooling: {snapshot.blocked}"] if snapshot.blocked else []
    reasons += [f"{each.name}: {each.detail}" for each in snapshot.workers if each.state in NOT_AT_WORK]
    return HealthStatus(tuple(reasons))
