"""Bandwidth limit of all streams together (`kinesis.max_bytes_per_sec`), in bytes on the wire. Any thread.

The link is a token bucket. A request may start when the bucket is not in debt, and its bytes are charged then. So
requests of any size follow one another at the configured rate, and the records of a request are chosen as late as
possible.

An idle link gains a credit of at most `MADE_UP_SECS`, because a waiting thread wakes up late and needs time to encode
its request. A longer idle time adds no further credit.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Payload bytes of a TCP segment. On Ethernet, 1,448 is usual. Tunnels and mobile links have smaller segments, and the
# estimated headers must not be too small.
SEGMENT_BYTES = 1400
# This value is used for IPv6 too. Its header is 20 bytes longer, which is less than 2 % of a segment.
SEGMENT_OVERHEAD_BYTES = 52
"""Header bytes of a TCP segment: IPv4 (20), and TCP with timestamps (32)."""

TLS_RECORD_BYTES = 16 * 1024
TLS_OVERHEAD_BYTES = 22
"""Bytes that TLS 1.3 adds to a record: header, content type and tag.

https://www.rfc-editor.org/rfc/rfc8446#section-5.2
"""

MADE_UP_SECS = 0.25

# Share of data and keys in the bytes on the wire; the other part is base64 and the rest of the request.
_WIRE_SHARE = 0.7


class BandwidthLimiter:
    """Limiter of the link that all streams share, with a rate in bytes a second."""

    def __init__(self, max_bytes_per_sec: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = max_bytes_per_sec
        self._clock = clock
        self._lock = threading.Lock()
        self._free_at = clock()
        # Each sending thread has at most one request, so the thread identifies its reservation.
        self._own = threading.local()

    # Assigning an int needs no lock. A debt in seconds from the old rate remains.
    def limit(self, max_bytes_per_sec: int) -> None:
        """Set the rate in bytes a second, from now on."""
        self._rate = max_bytes_per_sec

    @property
    def max_bytes_per_sec(self) -> int:
        """Rate in bytes a second."""
        return self._rate

    @property
    def request_bytes(self) -> int:
        """Bytes of data and keys in a request that occupies the link for about half a second."""
        return int(self._rate * _WIRE_SHARE / 2)

    def wait_secs(self) -> float:
        """Return the seconds until the next request may start."""
        with self._lock:
            return max(0.0, self._free_at - self._clock())

    def reserve(self, size: int) -> None:
        """Charge the estimated bytes of a request with `size` bytes of data and keys that this thread is about to send.

        The charge is made before the exact size is known, so that no other thread uses the same bandwidth.
        """
        self._charge(size / _WIRE_SHARE)
        self._own.reserved = size / _WIRE_SHARE

    def sent(self, request_bytes: int) -> None:
        """Replace this thread's estimate by the real size of its request, in bytes of HTTP."""
        self._charge(on_wire(request_bytes) - self._taken())

    def release(self) -> None:
        """End this thread's request, and credit a reservation that was not sent."""
        if reserved := self._taken():
            self._charge(-reserved)

    def _taken(self) -> float:
        reserved: float = getattr(self._own, "reserved", 0.0)
        self._own.reserved = 0.0
        return reserved

    def _charge(self, on_the_wire: float) -> None:
        with self._lock:
            # The credit of an unsent reservation must not be limited to MADE_UP_SECS, because its bytes were charged
            # before.
            free_at = self._free_at if on_the_wire < 0 else max(self._free_at, self._clock() - MADE_UP_SECS)
            self._free_at = free_at + on_the_wire / self._rate


def on_wire(request_bytes: int) -> int:
    """Return the bytes on the wire of a request: its HTTP bytes, and the overhead of TLS, TCP and IP."""
    encrypted = request_bytes + -(-request_bytes // TLS_RECORD_BYTES) * TLS_OVERHEAD_BYTES
    return encrypted + -(-encrypted // SEGMENT_BYTES) * SEGMENT_OVERHEAD_BYTES
