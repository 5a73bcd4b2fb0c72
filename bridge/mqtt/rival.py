"""Whether another client goes by the same client id, as far as the ends of sessions tell.

A broker lets the newer one in and throws the older out. An MQTT 5 broker can say so ("Session taken over"); a 3.1.1 one
cannot, and mosquitto 2.0 does not: it closes the connection, and lets the client in again at once. A broker that
restarts closes it too, but seldom three times in ten minutes without being away once.
"""

from __future__ import annotations

from collections import deque

WINDOW_SECS = 600.0
_SUSPICIOUS = 3


class Rival:
    """Told of every session's end. `problem` is what to say and what to do, "" while there is nothing to suspect."""

    def __init__(self) -> None:
        self.problem = ""
        self.certain = False
        """The broker itself has said so."""
        self._ends: deque[float] = deque()

    def session_ended(self, now: float, *, told: bool) -> None:
        """The broker closed it: without a reason, or (`told`) because another client of this id came."""
        self._ends.append(now)
        self.certain = self.certain or told
        self.look(now)

    def broker_away(self) -> None:
        """It could not be reached, or let nobody in: what it closed before, it closed for reasons of its own."""
        if not self.certain:
            self._ends.clear()

    def look(self, now: float) -> None:
        """Ten minutes without such an end, and it is over."""
        while self._ends and now - self._ends[0] > WINDOW_SECS:
            self._ends.popleft()
        self.certain = self.certain and bool(self._ends)
        self.problem = self._in_words(_often(len(self._ends)))

    def _in_words(self, often: str) -> str:
        if self.certain:
            return (
                f"another client uses the same mqtt.client_id: the broker threw this one out, {often}; "
                "give each bridge its own"
            )
        if len(self._ends) < _SUSPICIOUS:
            return ""
        return (
            f"the broker closed the session {often}, and let this client in again each time: another one most likely "
            "uses the same mqtt.client_id; give each bridge its own"
        )


def _often(count: int) -> str:
    times = {1: "once", 2: "twice"}.get(count, f"{count} times")
    return f"{times} in the last {WINDOW_SECS / 60:.0f} minutes"
