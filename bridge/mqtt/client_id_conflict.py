"""Detection of sessions that the broker ends repeatedly, and of another client with the same client ID.

A broker accepts the newer of two clients with one ID and disconnects the older one. With MQTT 5, it can send the reason
("Session taken over"). Only this reason proves a conflict. A 3.1.1 broker cannot send it, and mosquitto 2.0 does not.
Such a broker closes the connection without a reason, and accepts the client again at once. A broker that restarts
behind a proxy does the same, and so does a server that limits the lifetime of connections. Such closes are therefore
reported as an unstable session, with the possible causes.
"""

from __future__ import annotations

from collections import deque
from typing import Final

WINDOW_SECS: Final = 600.0
"""Period in which session ends are counted."""
# Number of resets, or closes without a reason, that make a session unstable.
# One or two ends occur with every restart of a broker. Three within ten minutes are a pattern.
_MIN_ENDS: Final = 3
_MIN_STABLE_SECS: Final = 60.0
# A session that has lasted three times as long as the longest that ended is stable again.
_STABLE_FACTOR: Final = 3.0


class ClientIdConflict:
    """Record of how the sessions ended.

    `conflict` describes a proven client ID conflict, `unstable` repeated ends without a reason; "" without one.
    """

    def __init__(self, client_id: str, reconnect_max_secs: float) -> None:
        self.conflict = self.unstable = ""
        self._client_id = client_id
        # Two bridges with one ID do not disturb each other during the longest pause between attempts. So a session
        # counts as stable only if it is older than that.
        self._min_stable_secs = max(_MIN_STABLE_SECS, 2 * reconnect_max_secs)
        # (clock time, lifetime in seconds) of sessions that the broker reported as taken over.
        self._takeovers: deque[tuple[float, float]] = deque()
        # (clock time, lifetime in seconds) of sessions that ended without a reason.
        self._ends: deque[tuple[float, float]] = deque()

    def record_takeover(self, now: float, lived_secs: float) -> None:
        """Record that the broker reported another client of this ID."""
        self._takeovers.append((now, lived_secs))
        self.update(now)

    def record_end(self, now: float, lived_secs: float) -> None:
        """Record that the broker closed or reset a session without a reason, while nothing was requested of it."""
        self._ends.append((now, lived_secs))
        self.update(now)

    def broker_away(self) -> None:
        """Discard the recorded ends of sessions, because the broker is unreachable or accepts no session.

        The broker itself was then probably the cause of these ends, and not another client.
        """
        self._ends.clear()
        self.unstable = ""

    def update(self, now: float, session_secs: float = 0.0) -> None:
        """Update both texts. `session_secs` is the age of the current session. A stable session ends both problems."""
        # The same rule applies to both lists: a session that outlives its predecessors shows that the cause has
        # disappeared.
        for ends in (self._takeovers, self._ends):
            longest = max((lived for _, lived in ends), default=0.0)
            if session_secs > max(self._min_stable_secs, _STABLE_FACTOR * longest):
                ends.clear()
            while ends and now - ends[0][0] > WINDOW_SECS:
                ends.popleft()
        self.conflict = self.unstable = ""
        if self._takeovers:
            self.conflict = (
                f"client ID conflict: another client connects with '{self._client_id}' "
                f"({_counted(len(self._takeovers), 'takeover')} in 10 min, reported by the broker)"
            )
        if len(self._ends) >= _MIN_ENDS:
            self.unstable = (
                f"the broker closed or reset the session {len(self._ends)} times in 10 min without a reason, and "
                f"accepted it again each time. Possible causes: another client with the client ID '{self._client_id}', "
                "a broker that restarts, or a proxy or server that limits connections; the broker's log has the reason"
            )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
