"""Whether the bridge is alive, and whether it does its work.

alive   progress, and not "connected": the ingest thread comes by, the senders' threads live. A supervisor restarts what
        is not alive; a broker that is away is no reason to.
ready   its state is not "failing" (see `problems`); if it is, every error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bridge.errors import BridgeError
from bridge.monitoring.problem_text import headline
from bridge.monitoring.problems import state_of

if TYPE_CHECKING:
    from bridge.monitoring.problems import State
    from bridge.monitoring.running_bridge import RunningBridge


@dataclass(frozen=True, slots=True)
class HealthStatus:
    """`reasons` says why not; empty if all is well. `state` is that of the bridge, "" where it was not looked at."""

    reasons: tuple[str, ...]
    state: State | Literal[""] = ""

    @property
    def well(self) -> bool:
        """Whether there is nothing to say."""
        return not self.reasons

    def value(self) -> dict[str, Any]:
        """As JSON."""
        state = {"state": self.state} if self.state else {}
        return {"ok": self.well, **state, "reasons": list(self.reasons)}


def health(bridge: RunningBridge) -> HealthStatus:
    """/healthz: restart it if not."""
    return HealthStatus(tuple(bridge.stalled()))


def readiness(bridge: RunningBridge) -> HealthStatus:
    """Return whether the bridge does its work (/readyz): not ready exactly while its state is "failing".

    The reasons are its errors. Warnings (state "degraded") are for a person, and no reason to send traffic elsewhere.
    """
    try:
        problems = bridge.snapshot().problems
    except (BridgeError, OSError) as error:
        return HealthStatus((f"ERROR: the status cannot be read: {error}",), "failing")
    return HealthStatus(tuple(headline(each) for each in problems if each.severity == "error"), state_of(problems))
