"""Bandwidth limit of all streams together (`kinesis.max_bytes_per_sec`), in bytes on the wire. Thread-safe.

The limiter is a token bucket. When a request starts, its bytes are subtracted from the tokens, and the result may be
negative. The next request may start when the number of tokens is no longer negative. So requests of any size follow one
another at the configured rate. The records of a request are chosen as late as possible.

While no request starts, tokens accumulate for at most `MAX_IDLE_SECS`. Without these tokens, the link would carry less
than the configured rate, because a thread needs time to wake up and to encode its request.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Payload bytes of a TCP segment. On Ethernet, 1,448 is usual. The value is lower, because tunnels and mobile links have
# smaller segments, and the estimate of the headers must not be too low.
SEGMENT_BYTES = 1400
# The header of IPv6 is 20 bytes longer. The difference is less than 2 % of a segment, so it is ignored.
SEGMENT_OVERHEAD_BYTES = 52
"""Header bytes of a TCP segment: 20 bytes of IPv4, and 32 bytes of TCP with timestamps."""

TLS_RECORD_BYTES = 16 * 1024
TLS_OVERHEAD_BYTES = 22
"""Bytes that TLS 1.3 adds to a record: header, content type and tag.

https://www.rfc-editor.org/rfc/rfc8446#section-5.2
"""

MAX_IDLE_SECS = 0.25
"""Maximum seconds for which tokens accumulate while no request starts."""

# Fraction of the bytes on the wire that is data and keys. The rest is overhead of base64, JSON, HTTP, TLS and TCP.
_WIRE_SHARE = 0.7


class BandwidthLimiter:
    """Limiter of the link that all streams share."""

    def __init__(self, max_bytes_per_sec: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = max_bytes_per_sec
        self._clock = clock
        self._lock = threading.Lock()
        self._free_at = clock()
        # Each thread sends at most one request at a time, so its estimate is stored in a variable of the thread.
        self._own = threading.local()

    # Assigning an int needs no lock. Waiting times that were computed with the old rate do not change.
    def limit(self, max_bytes_per_sec: int) -> None:
        """Set the maximum rate in bytes a second, from now on."""
        self._rate = max_bytes_per_sec

    @property
    def max_bytes_per_sec(self) -> int:
        """Maximum rate in bytes a second."""
        return self._rate

    @property
    def request_bytes(self) -> int:
        """Size of data and keys in a request that needs about half a second on the link, in bytes."""
        return int(self._rate * _WIRE_SHARE / 2)

    def wait_secs(self) -> float:
        """Return the seconds until the next request may start."""
        with self._lock:
            return max(0.0, self._free_at - self._clock())

    def reserve(self, size: int) -> None:
        """Subtract an estimate for the next request of this thread, which has `size` bytes of data and keys.

        The estimate is subtracted before the exact size is known, so that no other thread uses the same bandwidth.
        """
        self._charge(size / _WIRE_SHARE)
        self._own.reserved = size / _WIRE_SHARE

    def sent(self, request_bytes: int) -> None:
        """Replace this thread's estimate by the real size. `request_bytes` does not include TLS, TCP and IP."""
        self._charge(on_wire(request_bytes) - self._taken())

    def release(self) -> None:
        """Note that this thread's request has ended. If the request was not sent, return its estimate to the tokens."""
        if reserved := self._taken():
            self._charge(-reserved)

    def _taken(self) -> float:
        reserved: float = getattr(self._own, "reserved", 0.0)
        self._own.reserved = 0.0
        return reserved

    def _charge(self, on_the_wire: float) -> None:
        with self._lock:
            # A negative value returns earlier tokens completely, so MAX_IDLE_SECS does not limit it.
            free_at = self._free_at if on_the_wire < 0 else max(self._free_at, self._clock() - MAX_IDLE_SECS)
            self._free_at = free_at + on_the_wire / self._rate


def on_wire(request_bytes: int) -> int:
    """Return the bytes of a request on the wire: its HTTP bytes, and the overhead of TLS, TCP and IP."""
    encrypted = request_bytes + -(-request_bytes // TLS_RECORD_BYTES) * TLS_OVERHEAD_BYTES
    return encrypted + -(-encrypted // SEGMENT_BYTES) * SEGMENT_OVERHEAD_BYTES
