"""Registry of all requests in flight. It can abort them, and counts the bytes that have left this machine."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from bridge.aws.transport.request import InFlightRequest


class InFlightBytes(NamedTuple):
    """Sums over the requests in flight."""

    requests: int
    request_bytes: int
    """Total size of the requests whose sending has begun, in bytes."""
    drained_bytes: int
    """Number of bytes of these requests that have left this machine.

    The number is up to 0.1 s old. It contains no bytes of a request that is less than 0.1 s old.
    """


class RequestsInFlight:
    """Registry of the requests in flight. Any thread may use it.

    `abort` and `limit_stall` are final: after one of them, every new request fails before its first byte is sent.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: set[InFlightRequest] = set()
        self._aborted = False

    def add(self, request: InFlightRequest) -> None:
        """Add a request that starts. After `abort` or `limit_stall`, it is aborted at once."""
        with self._lock:
            self._requests.add(request)
            aborted = self._aborted
        if aborted:
            request.abort()

    def remove(self, request: InFlightRequest) -> None:
        """Remove a request that has ended."""
        with self._lock:
            self._requests.discard(request)

    def abort(self) -> None:
        """End all requests in flight at once. Do not block.

        A request that waits for a DNS look-up fails only when the look-up ends.
        """
        with self._lock:
            self._aborted = True
            requests = tuple(self._requests)
        for request in requests:
            request.abort()

    def limit_stall(self, secs: float) -> None:
        """End each request that is being sent, if none of its bytes leaves for `secs`. Do not block.

        Requests that were sent completely continue to wait for their response.
        """
        with self._lock:
            self._aborted = True
            requests = tuple(self._requests)
        for request in requests:
            request.limit_stall(secs)

    def progress(self) -> InFlightBytes:
        """Return the sums over the requests in flight."""
        with self._lock:
            requests = tuple(self._requests)
        sizes = [(request.size, min(request.drained, request.size)) for request in requests]
        return InFlightBytes(len(sizes), sum(size for size, _ in sizes), sum(drained for _, drained in sizes))
