"""Pings of one connection, and detection of a dead peer."""

from __future__ import annotations

from typing import Final

# Minimum time that the broker has for a PINGRESP. A round trip by satellite takes 0.6 s, and it can take seconds until
# TCP has repeated a lost packet.
_MIN_GRACE_SECS: Final = 3.0


class Keepalive:
    """Times at which one connection must send a ping, or counts as dead. All times are clock seconds.

    The bridge sends the PINGREQ packets itself, because paho sends none if the broker's Server Keep Alive is 0.
    """

    def __init__(self, interval_secs: float, now: float) -> None:
        self.interval_secs = interval_secs
        """Maximum time between two packets to the broker."""
        self._received_at = self._pinged_at = now

    def on_accepted(self, server_secs: int | None, now: float) -> None:
        """Use the broker's Server Keep Alive `server_secs` if it is shorter than the configured interval.

        0 means that the broker requires no pings. The bridge sends them nevertheless, to detect a dead peer.

        https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901094 (3.2.2.3.14, Server Keep Alive)
        """
        if server_secs:
            self.interval_secs = min(self.interval_secs, float(server_secs))
        # CONNECT counts as a packet to the broker, and CONNACK as a packet from it.
        self._received_at = self._pinged_at = now

    def on_received(self, now: float) -> None:
        """Record that data has arrived, or that reading is paused, so that no data can arrive."""
        self._received_at = now

    def ping_due(self, now: float) -> bool:
        """Return whether to send a PINGREQ now. If so, record that it is sent."""
        # Two pings are sent per interval. A broker waits for one and a half intervals, so it is no problem if one ping
        # is late.
        if now - self._pinged_at < self.interval_secs / 2:
            return False
        self._pinged_at = now
        return True

    def silent_secs(self, now: float) -> float | None:
        """Return the seconds since data last arrived if the peer is considered dead, otherwise None.

        The peer is considered dead after one and a half intervals, but not before 3 s after the end of the interval.
        """
        limit = self.interval_secs + max(_MIN_GRACE_SECS, self.interval_secs / 2)
        silent = now - self._received_at
        return silent if silent > limit else None
