"""Health checks of a bridge.

/healthz   passes while all threads make progress. If it fails, a process manager should restart the bridge. An
           unreachable broker does not make it fail, because a restart would not help.
/readyz    passes while the state of the bridge is not "failing" (see `problems.py`). If it fails, the response contains
           all errors as reasons.
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
    """Result of a check.

    `reasons` are the reasons of a failure; they are empty if the check passed. `state` is the state of the bridge. It
    is "" for /healthz, which does not examine the state.
    """

    reasons: tuple[str, ...]
    state: State | Literal[""] = ""

    @property
    def ok(self) -> bool:
        """True if the check passed."""
        return not self.reasons

    def value(self) -> dict[str, Any]:
        """Return the body of the HTTP response as an object for JSON."""
        state = {"state": self.state} if self.state else {}
        return {"ok": self.ok, **state, "reasons": list(self.reasons)}


def health(bridge: RunningBridge) -> HealthStatus:
    """Return the result of /healthz."""
    return HealthStatus(tuple(bridge.stalled()))


def readiness(bridge: RunningBridge) -> HealthStatus:
    """Return the result of /readyz.

    A warning (state "degraded") is meant for people. It is no reason for a load balancer to send requests elsewhere.
    """
    try:
        problems = bridge.snapshot().problems
    except (BridgeError, OSError) as error:
        # If the state is unknown, the bridge must not count as ready.
        return HealthStatus((f"ERROR: the status cannot be read: {error}",), "failing")
    return HealthStatus(tuple(headline(each) for each in problems if each.severity == "error"), state_of(problems))
