"""Pings of one connection, and detection of a dead peer."""

from __future__ import annotations

from typing import Final

# Minimum time for a PINGRESP to arrive: a round trip by satellite takes 0.6 s, and TCP repeats a lost packet for
# seconds.
_MIN_GRACE_SECS: Final = 3.0


class Keepalive:
    """Times of one connection in clock seconds.

    The bridge sends the PINGREQ packets itself, because paho sends none if the broker reports a Server Keep Alive of 0.
    paho 2.1 ignores any Server Keep Alive.
    """

    def __init__(self, interval_secs: float, now: float) -> None:
        self.interval_secs = interval_secs
        """Maximum time between two packets to the broker. Silence of the broker for this time is suspicious."""
        self._received_at = self._pinged_at = now

    def on_accepted(self, server_secs: int | None, now: float) -> None:
        """Use the broker's Server Keep Alive if it is shorter.

        With 0, the broker needs no pings. The bridge sends them nevertheless, to detect a dead peer.

        https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901094 (3.2.2.3.14, Server Keep Alive)
        """
        if server_secs:
            self.interval_secs = min(self.interval_secs, float(server_secs))
        # CONNECT and CONNACK count as traffic of both directions.
        self._received_at = self._pinged_at = now

    def on_received(self, now: float) -> None:
        """Record that data arrived, or could not arrive because reading was paused."""
        self._received_at = now

    def ping_due(self, now: float) -> bool:
        """Return whether to send a PINGREQ now, and record it."""
        # The bridge pings twice per interval, even while reading is paused. A broker waits for one and a half
        # intervals, so one lost ping does no harm.
        if now - self._pinged_at < self.interval_secs / 2:
            return False
        self._pinged_at = now
        return True

    def silent_secs(self, now: float) -> float | None:
        """Return the duration of the silence if the peer is considered dead, otherwise None.

        The peer is dead after at most two intervals. With a short interval, it has at least 3 s to respond.
        """
        limit = self.interval_secs + max(_MIN_GRACE_SECS, self.interval_secs / 2)
        silent = now - self._received_at
        return silent if silent > limit else None
