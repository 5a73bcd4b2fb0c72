"""Pings of one connection, and detection of a dead peer."""

from __future__ import annotations

from typing import Final

# Minimum time to wait for a PINGRESP. A round trip by satellite takes 0.6 s, and TCP may need seconds to repeat a lost
# packet.
_MIN_GRACE_SECS: Final = 3.0


class Keepalive:
    """Timer of one connection: when to send a ping, and when the peer counts as dead. All times are clock seconds.

    The bridge sends the PINGREQ packets itself, because paho sends no PINGREQ if the broker's Server Keep Alive is 0.
    """

    def __init__(self, interval_secs: float, now: float) -> None:
        self.interval_secs = interval_secs
        """Maximum number of seconds between two packets to the broker."""
        self._received_at = self._pinged_at = now

    def on_accepted(self, server_secs: int | None, now: float) -> None:
        """Use the broker's Server Keep Alive `server_secs` if it is shorter than the configured interval.

        0 means that the broker requires no pings. The bridge sends pings nevertheless, to detect a dead peer.

        https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901094 (3.2.2.3.14, Server Keep Alive)
        """
        if server_secs:
            self.interval_secs = min(self.interval_secs, float(server_secs))
        # CONNECT counts as a packet to the broker, and CONNACK as data from the broker.
        self._received_at = self._pinged_at = now

    def on_received(self, now: float) -> None:
        """Record that data has arrived. Also call this while reading is paused, because no data can arrive then."""
        self._received_at = now

    def ping_due(self, now: float) -> bool:
        """Return whether to send a PINGREQ now. If the result is True, record that a PINGREQ is sent."""
        # Send two pings per interval. A broker waits for one and a half intervals, so one ping may be late.
        if now - self._pinged_at < self.interval_secs / 2:
            return False
        self._pinged_at = now
        return True

    def silent_secs(self, now: float) -> float | None:
        """Return the seconds since data last arrived if the peer is considered dead, otherwise None.

        The limit is one and a half intervals, but at least the interval plus 3 s.
        """
        limit = self.interval_secs + max(_MIN_GRACE_SECS, self.interval_secs / 2)
        silent = now - self._received_at
        return silent if silent > limit else None
