"""Detection of a client ID conflict: another client connects with the same client id.

A broker accepts the newer client and disconnects the older one. An MQTT 5 broker can send the reason ("Session taken
over"). A 3.1.1 broker cannot, and mosquitto 2.0 does not: it closes the connection and accepts the client again at
once. A broker that restarts closes the connection too. It seldom does so three times in ten minutes without being
unreachable once.

Under load the same close arrives as a reset, because the broker has unread bytes. A firewall or a bad link may cause a
reset too. They seldom break a session five times in ten minutes while every attempt to connect works. Five closes or
resets are therefore reported with both causes, and the pauses between attempts do not change.
"""

from __future__ import annotations

from collections import deque

WINDOW_SECS = 600.0
"""Period in which session ends are counted."""
_SUSPICIOUS = 3
"""Number of closes without a reset that make a conflict likely."""
_SUSPICIOUS_RESETS = 5
"""Number of closes and resets together that are reported, with both possible causes."""


class ClientIdConflict:
    """Record of how the sessions ended. `problem` describes the conflict and the fix; "" while none is suspected."""

    def __init__(self) -> None:
        self.problem = ""
        self.certain = False
        """True after the broker itself reported the takeover."""
        self._ends: deque[tuple[float, bool]] = deque()
        """Session ends of the last WINDOW_SECS: (clock time in seconds, True for a reset)."""

    @property
    def likely(self) -> bool:
        """True if hardly any other cause explains the session ends."""
        return self.certain or sum(not reset for _, reset in self._ends) >= _SUSPICIOUS

    def record_close(self, now: float, *, told: bool, reset: bool = False) -> None:
        """Record that a session ended at clock time `now`.

        `told`: the broker reported that another client of this id took the session over. `reset`: the broker, or
        something between, reset the connection. With neither, the broker closed the connection without a reason.
        """
        self._ends.append((now, reset))
        self.certain = self.certain or told
        self.look(now)

    def broker_away(self) -> None:
        """Discard the session ends, because the broker is unreachable or accepts no session.

        The broker then had its own reasons for closing them. A takeover that the broker reported stays on record.
        """
        if not self.certain:
            self._ends.clear()

    def look(self, now: float) -> None:
        """Discard session ends older than WINDOW_SECS and update `problem`. Without any, the conflict is over."""
        while self._ends and now - self._ends[0][0] > WINDOW_SECS:
            self._ends.popleft()
        # A takeover that the broker reported is over too once no session end remains in the window.
        self.certain = self.certain and bool(self._ends)
        self.problem = self._in_words(_often(len(self._ends)))

    def _in_words(self, often: str) -> str:
        if self.certain:
            return (
                f"another client uses the same mqtt.client_id: the broker threw this one out, {often}; "
                "give each bridge its own"
            )
        if self.likely:
            return (
                f"the broker closed the session {often}, and let this client in again each time: another one most "
                "likely uses the same mqtt.client_id; give each bridge its own"
            )
        if len(self._ends) < _SUSPICIOUS_RESETS:
            return ""
        return (
            f"the session was reset or closed {often}, and the broker let this client in again each time: either "
            "another one uses the same mqtt.client_id, or something between resets connections; the broker's log tells "
            "which"
        )


def _often(count: int) -> str:
    times = {1: "once", 2: "twice"}.get(count, f"{count} times")
    return f"{times} in the last {WINDOW_SECS / 60:.0f} minutes"
