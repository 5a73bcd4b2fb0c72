"""Health checks: whether the bridge is alive, and whether it is ready.

alive   its threads make progress. A process manager restarts a bridge that is not alive; an unreachable broker is no
        reason for that.
ready   its state is not "failing" (see `problems`). If it is, every error is a reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bridge.errors import BridgeError
from bridge.monitoring.problem_text import headline
from bridge.monitoring.problems import state_of

if TYPE_CHECKING:
    from bridge.monitoring.bridge_protocol import RunningBridge
    from bridge.monitoring.problems import State


@dataclass(frozen=True, slots=True)
class HealthStatus:
    """Result of a check. `reasons` of a failure, empty if it passed. `state` of the bridge, "" if not examined."""

    reasons: tuple[str, ...]
    state: State | Literal[""] = ""

    @property
    def ok(self) -> bool:
        """True if the check passed."""
        return not self.reasons

    def value(self) -> dict[str, Any]:
        """Return the body of the response as an object, for JSON."""
        state = {"state": self.state} if self.state else {}
        return {"ok": self.ok, **state, "reasons": list(self.reasons)}


def health(bridge: RunningBridge) -> HealthStatus:
    """Return the result of /healthz. If the check failed, the bridge should be restarted."""
    return HealthStatus(tuple(bridge.stalled()))


def readiness(bridge: RunningBridge) -> HealthStatus:
    """Return whether the bridge does its work (/readyz). It is not ready exactly while its state is "failing".

    The reasons are its errors. Warnings (state "degraded") are for people. A load balancer need not send traffic
    elsewhere because of them.
    """
    try:
        problems = bridge.snapshot().problems
    except (BridgeError, OSError) as error:
        # A bridge whose state is unknown must not count as ready.
        return HealthStatus((f"ERROR: the status cannot be read: {error}",), "failing")
    return HealthStatus(tuple(headline(each) for each in problems if each.severity == "error"), state_of(problems))
