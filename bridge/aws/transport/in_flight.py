"""All requests in flight: the number of bytes that have left, and their abort."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from bridge.aws.transport.request import InFlightRequest


class InFlightBytes(NamedTuple):
    """Sums over the requests in flight."""

    requests: int
    request_bytes: int
    """Bytes of the requests whose sending has begun."""
    drained_bytes: int
    """Number of these bytes that have left this machine.

    The figure is up to 0.1 s old, and 0 in a request's first 0.1 s.
    """


class RequestsInFlight:
    """Registry of the requests in flight. Any thread.

    After `abort` or `limit_stall`, which are final, every request fails before a byte of it is sent.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: set[InFlightRequest] = set()
        self._aborted = False

    def add(self, request: InFlightRequest) -> None:
        """Count a request as in flight. After `abort` it is aborted at once."""
        with self._lock:
            self._requests.add(request)
            aborted = self._aborted
        if aborted:
            request.abort()

    def remove(self, request: InFlightRequest) -> None:
        """Note that a request has ended."""
        with self._lock:
            self._requests.discard(request)

    def abort(self) -> None:
        """End every request in flight at once. Does not block.

        A name look-up cannot be ended. Such a request fails when the system's resolver gives up.
        """
        with self._lock:
            self._aborted = True
            requests = tuple(self._requests)
        for request in requests:
            request.abort()

    def limit_stall(self, secs: float) -> None:
        """End the requests of which no byte leaves for `secs`.

        Completely sent requests continue to wait for their response.

        Does not block.
        """
        with self._lock:
            self._aborted = True
            requests = tuple(self._requests)
        for request in requests:
            request.limit_stall(secs)

    def progress(self) -> InFlightBytes:
        """Return the sums over the requests in flight, from the last figures of their own threads."""
        with self._lock:
            requests = tuple(self._requests)
        sizes = [(request.size, min(request.drained, request.size)) for request in requests]
        return InFlightBytes(len(sizes), sum(size for size, _ in sizes), sum(drained for _, drained in sizes))
