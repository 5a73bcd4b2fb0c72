"""Requests in flight to one endpoint, as adaptive concurrency sees them: how far each is, and their sums."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from bridge.delivery.answer_latency import Load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.aws.transport.measurement import RequestProgress

OVERDUE_SECS = 10.0
"""Age at which a request is taken for one that hangs: five times as long as the bytes in flight need on the link."""

MIN_DRAIN_SECS = 0.4
"""Bytes that left within less show no rate: that they have left is seen up to 0.1 s later."""


@dataclass(slots=True, eq=False)
class OutstandingRequest:
    """Sizes in bytes on the wire, times in seconds of the sender's clock, about one request in flight.

    `answered_before` and `left_before`: bytes of all requests that had been answered, and had left, at its start.
    """

    size: int
    """Estimated until the first progress."""
    started_at: float
    answered_before: int
    left_before: int
    load: Load
    """Number of bytes ahead; equal to `in_flight` until it is known."""
    owner: object
    limited: bool = False
    """True once another request had to wait for this one: only then does its rate show what the link can carry."""
    left: int = 0
    """Bytes that the peer's TCP has acknowledged, as far as was seen."""
    drained_at: float | None = None
    """Time at which all its bytes were seen to have left; None: not yet, or not known."""
    left_rate: float | None = None
    """Bytes per second that left, of all requests, while this one did; None: not known, or it left too soon."""
    paced: bool = False
    """True if it left as slowly as the link is, so that no queue of this bridge's bytes is behind its last byte."""
    looked_at: float | None = None
    """Time at which some of its bytes were last seen to have left, and others not."""

    def progressed(self, progress: RequestProgress, now: float) -> None:
        """Note how many of its bytes have left. The thread that sends it may call this without a lock."""
        self.size, self.left, self.looked_at = progress.request_bytes, progress.drained_bytes, now


class OutstandingRequests:
    """All requests in flight to one endpoint. Not thread-safe."""

    def __init__(self) -> None:
        self.drains_known = False
        """True once the kernel has reported that a request had left before it was answered."""
        self.last_size = 0
        """Size of the request that started last, in bytes."""
        self.answered_at = -inf
        """Time of the last answer."""
        self.answered_bytes = 0
        """Bytes of all requests that were answered."""
        self._ended_bytes = 0
        self._newest_answered = -inf
        self._outstanding: set[OutstandingRequest] = set()

    def __len__(self) -> int:
        return len(self._outstanding)

    def __iter__(self) -> Iterator[OutstandingRequest]:
        return iter(self._outstanding)

    @property
    def size(self) -> int:
        """Bytes in flight."""
        return sum([flight.size for flight in self._outstanding])

    @property
    def waiting(self) -> list[OutstandingRequest]:
        """Requests that the next one may have to wait for: not those that a later one has overtaken at the endpoint."""
        return [flight for flight in self._outstanding if flight.drained_at is None or not self.is_overtaken(flight)]

    def is_overtaken(self, flight: OutstandingRequest) -> bool:
        """Return whether a request was answered that started later."""
        return flight.started_at < self._newest_answered

    @property
    def leaving(self) -> int:
        """Number of requests of which bytes may still have to leave."""
        return sum(flight.drained_at is None for flight in self._outstanding)

    @property
    def remaining_bytes(self) -> int:
        """Bytes that were not seen to have left."""
        return sum([flight.size - flight.left for flight in self._outstanding if flight.drained_at is None])

    @property
    def left_bytes(self) -> int:
        """Bytes of all requests that have left so far, of those that have ended too."""
        return self._ended_bytes + sum([flight.left for flight in self._outstanding])

    def only_hanging(self, owner: object, now: float) -> bool:
        """Return whether all requests hang, and none of them is of `owner`."""
        return all(now - flight.started_at > OVERDUE_SECS and flight.owner is not owner for flight in self._outstanding)

    def start(self, size: int, now: float, owner: object) -> OutstandingRequest:
        """Add a request that starts now."""
        in_flight = size + sum([flight.size for flight in self.waiting])
        flight = OutstandingRequest(size, now, self.answered_bytes, self.left_bytes, Load(in_flight, in_flight), owner)
        self._outstanding.add(flight)
        self.last_size = size
        return flight

    def drained(self, flight: OutstandingRequest, now: float) -> None:
        """Note that a request has left, and take the rate at which requests did."""
        self.drains_known = True
        flight.drained_at = now
        ahead = sum([other.size for other in self.waiting if other.drained_at is not None])
        flight.load = Load(flight.load.in_flight, ahead)
        flight.left_rate = self._left_rate(flight, now)

    def _left_rate(self, flight: OutstandingRequest, now: float) -> float | None:
        secs = now - flight.started_at
        return (self.left_bytes - flight.left_before) / secs if secs >= MIN_DRAIN_SECS else None

    def answered(self, flight: OutstandingRequest, size: int, answered_at: float) -> float:
        """Remove a request of `size` bytes that was answered. Return the rate at which requests were, while it flew."""
        self._remove(flight, size)
        self.answered_bytes += size
        self.answered_at = answered_at
        self._newest_answered = max(self._newest_answered, flight.started_at)
        secs = max(answered_at - flight.started_at, 1e-6)
        rate = (self.answered_bytes - flight.answered_before) / secs
        # Bytes that had left before it started do not count, nor do answers of several requests that come at once.
        left_rate = flight.left_rate or self._left_rate(flight, answered_at)
        return rate if left_rate is None else min(rate, left_rate)

    def failed(self, flight: OutstandingRequest) -> None:
        """Remove a request that got no answer."""
        self._remove(flight, flight.left)

    def _remove(self, flight: OutstandingRequest, left: int) -> None:
        self._outstanding.discard(flight)
        self._ended_bytes += left
