"""Whether another client goes by the same client id, as far as the ends of sessions tell.

A broker lets the newer one in and throws the older out. An MQTT 5 broker can say so ("Session taken over"); a 3.1.1 one
cannot, and mosquitto 2.0 does not: it closes the connection, and lets the client in again at once. A broker that
restarts closes it too, but seldom three times in ten minutes without being away once.

Under load the same close arrives as a reset, since bytes lie unread at the broker. A reset may as well be the work of a
firewall or of a bad link, though these seldom break a session five times in ten minutes while every attempt to connect
works: so it is told of, with both causes, and the pauses between attempts stay as they are.
"""

from __future__ import annotations

from collections import deque

WINDOW_SECS = 600.0
_SUSPICIOUS = 3
_SUSPICIOUS_RESETS = 5


class ClientIdConflict:
    """Told of every session's end. `problem` is what to say and what to do, "" while there is nothing to suspect."""

    def __init__(self) -> None:
        self.problem = ""
        self.certain = False
        """The broker itself has said so."""
        self._ends: deque[tuple[float, bool]] = deque()
        """When, and whether by a reset."""

    @property
    def likely(self) -> bool:
        """Hardly anything else would explain it."""
        return self.certain or sum(not reset for _, reset in self._ends) >= _SUSPICIOUS

    def record_close(self, now: float, *, told: bool, reset: bool = False) -> None:
        """The broker closed it: without a reason, or (`told`) because another client of this id came. `reset`: it, or
        something between."""
        self._ends.append((now, reset))
        self.certain = self.certain or told
        self.look(now)

    def broker_away(self) -> None:
        """It could not be reached, or let nobody in: what it closed before, it closed for reasons of its own."""
        if not self.certain:
            self._ends.clear()

    def look(self, now: float) -> None:
        """Ten minutes without such an end, and it is over."""
        while self._ends and now - self._ends[0][0] > WINDOW_SECS:
            self._ends.popleft()
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
