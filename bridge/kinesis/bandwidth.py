"""`kinesis.max_bytes_per_sec`: all streams together put no more on the link. Counted is what goes over the wire.

A request may start while the link owes nothing, and what it took is owed then; so requests follow one another at the
rate, whatever their size, and what is sent is chosen at the last moment. A link that was idle for a moment makes up for
it, since whoever waits for it wakes up late and needs time to write a request; one that was idle for long saves nothing
up. Any thread.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SEGMENT_BYTES = 1400
SEGMENT_OVERHEAD_BYTES = 52
"""IPv4 (20), and TCP with timestamps (32)."""

TLS_RECORD_BYTES = 16 * 1024
TLS_OVERHEAD_BYTES = 22
"""TLS 1.3: header, content type and tag. https://www.rfc-editor.org/rfc/rfc8446#section-5.2"""

MADE_UP_SECS = 0.25

_WIRE_SHARE = 0.7
"""Of what goes over the wire, base64 and the rest of the request leave so much for data and keys."""


class Uplink:
    """The link that all streams share. Takes bytes a second."""

    def __init__(self, max_bytes_per_sec: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = max_bytes_per_sec
        self._clock = clock
        self._lock = threading.Lock()
        self._free_at = clock()
        self._own = threading.local()

    def limit(self, max_bytes_per_sec: int) -> None:
        """From now on."""
        self._rate = max_bytes_per_sec

    @property
    def request_bytes(self) -> int:
        """Data and keys of a request that takes about half a second."""
        return int(self._rate * _WIRE_SHARE / 2)

    def wait_secs(self) -> float:
        """How long no request may start."""
        with self._lock:
            return max(0.0, self._free_at - self._clock())

    def reserve(self, size: int) -> None:
        """This thread is about to send so many bytes of data and keys: no other may begin meanwhile."""
        self._owe(size / _WIRE_SHARE)
        self._own.reserved = size / _WIRE_SHARE

    def sent(self, request_bytes: int) -> None:
        """This thread sends a request of so many bytes of HTTP: known is now what was reserved by estimate."""
        self._owe(on_wire(request_bytes) - self._taken())

    def release(self) -> None:
        """This thread's request is done with, and gives back what it has not sent."""
        if reserved := self._taken():
            self._owe(-reserved)

    def _taken(self) -> float:
        reserved: float = getattr(self._own, "reserved", 0.0)
        self._own.reserved = 0.0
        return reserved

    def _owe(self, on_the_wire: float) -> None:
        with self._lock:
            free_at = self._free_at if on_the_wire < 0 else max(self._free_at, self._clock() - MADE_UP_SECS)
            self._free_at = free_at + on_the_wire / self._rate


def on_wire(request_bytes: int) -> int:
    """Bytes of HTTP, with what TLS, TCP and IP add."""
    encrypted = request_bytes + -(-request_bytes // TLS_RECORD_BYTES) * TLS_OVERHEAD_BYTES
    return encrypted + -(-encrypted // SEGMENT_BYTES) * SEGMENT_OVERHEAD_BYTES
