"""Detection of sessions that the broker ends repeatedly, and of another client with the same client ID.

If two clients connect with the same client ID, the broker disconnects the older one. With MQTT 5, the broker can send
the reason ("Session taken over"). Only this reason proves a conflict. With MQTT 3.1.1, a broker cannot send a reason,
and mosquitto 2.0 does not send it with MQTT 5 either. Such a broker closes the connection without a reason, and accepts
the client again at once.

There are other causes for the same behaviour, for example a broker that restarts behind a proxy, or a server that
limits the lifetime of connections. So if connections are closed repeatedly without a reason, the bridge reports an
unstable session, with all possible causes.
"""

from __future__ import annotations

from collections import deque
from typing import Final

WINDOW_SECS: Final = 600.0
"""Length of the period in which the ends of sessions are counted."""
# If this many sessions end without a reason within the period, the session is unstable. A restart of the broker ends
# one or two sessions.
_MIN_ENDS: Final = 3
# A session is stable if it lasts longer than this time, and three times as long as the longest recorded session
# (`_STABLE_FACTOR`).
_MIN_STABLE_SECS: Final = 60.0
_STABLE_FACTOR: Final = 3.0


class ClientIdConflict:
    """Record of the ends of sessions.

    `conflict` describes a proven client ID conflict. `unstable` describes repeated ends without a reason. Each is "" if
    there is no such problem.
    """

    def __init__(self, client_id: str, reconnect_max_secs: float) -> None:
        self.conflict = self.unstable = ""
        self._client_id = client_id
        # While one of two bridges with the same client ID waits to reconnect, the session of the other bridge looks
        # stable. So a session counts as stable only if it lasts longer than the longest pause before a reconnect.
        self._min_stable_secs = max(_MIN_STABLE_SECS, 2 * reconnect_max_secs)
        # (clock time, lifetime in seconds) of sessions that the broker reported as taken over.
        self._takeovers: deque[tuple[float, float]] = deque()
        # (clock time, lifetime in seconds) of sessions that ended without a reason.
        self._ends: deque[tuple[float, float]] = deque()

    def record_takeover(self, now: float, lived_secs: float) -> None:
        """Record that the broker has ended a session because another client with this client ID connected."""
        self._takeovers.append((now, lived_secs))
        self.update(now)

    def record_end(self, now: float, lived_secs: float) -> None:
        """Record that the broker closed or reset a session without a reason.

        Do not call this if a request to the broker had no response yet, because the request may have been the reason.
        """
        self._ends.append((now, lived_secs))
        self.update(now)

    def broker_away(self) -> None:
        """Discard the recorded ends without a reason, because the broker is unreachable or accepts no session.

        In this case, the broker itself was probably the cause of these ends, and not another client.
        """
        self._ends.clear()
        self.unstable = ""

    def update(self, now: float, session_secs: float = 0.0) -> None:
        """Update `conflict` and `unstable`. `session_secs` is the age of the current session.

        A stable session ends both problems.
        """
        # A session that lasts much longer than the earlier sessions shows that the cause of their ends has disappeared.
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
