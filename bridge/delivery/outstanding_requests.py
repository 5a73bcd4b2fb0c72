"""Requests in flight to one endpoint: their progress, and the bytes and rates that adaptive concurrency needs."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from bridge.delivery.answer_latency import Load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.aws.transport.measurement import RequestProgress

OVERDUE_SECS = 10.0
"""Age in seconds at which a request counts as hanging. The link needs at most 2 s for the bytes in flight."""

MIN_DRAIN_SECS = 0.4
"""Minimum seconds to measure a rate. The kernel's figures are up to 0.1 s old, so a shorter time would be inexact."""

# Number of answers in memory. It is several times the maximum number of requests in flight.
_ANSWERS = 64

# Number of recent requests. The rate is measured over the duration of the longest of these requests.
_COMPARED = 8


class _Answer(NamedTuple):
    """An answered request. `bytes_before` is the total size of all requests that were answered earlier."""

    answered_at: float
    started_at: float
    bytes_before: int


@dataclass(slots=True, eq=False)
class OutstandingRequest:
    """One request in flight. Sizes are bytes on the wire, times are seconds of the sender's clock.

    `answered_before` is the total size of the requests that had been answered when this request started. `left_before`
    is the number of bytes of all requests that had left this machine when this request started. The number was last
    updated at the time `left_since`.
    """

    size: int
    """Size of the request. It is an estimate until the first progress is reported."""
    started_at: float
    answered_before: int
    left_before: int
    left_since: float
    load: Load
    """Load when the request started. `ahead` equals `in_flight` until the last byte has left."""
    owner: object
    """Stream of the request."""
    limited: bool = False
    """True once another request had to wait for this request. Otherwise, the link was not full, so the rate of this
    request is lower than the bandwidth."""
    left: int = 0
    """Bytes that have left, as the kernel last reported. A byte has left when the peer's TCP has acknowledged it."""
    drained_at: float | None = None
    """Time at which the kernel reported that all bytes had left; None if they have not left, or if it is unknown."""
    left_rate: float | None = None
    """Bytes per second of all requests that left during this request; None if unknown, or if the time was too short."""
    paced: bool = False
    """True if the request left at the speed of the link. Then no bytes of this bridge wait in a buffer."""
    reported_at: float | None = None
    """Last time at which the kernel reported how many bytes of the request had left."""

    def progressed(self, progress: RequestProgress, now: float) -> None:
        """Store how many bytes of the request have left. The sending thread may call this without a lock."""
        self.size, self.left, self.reported_at = progress.request_bytes, progress.drained_bytes, now


class OutstandingRequests:
    """All requests in flight to one endpoint. Not thread-safe."""

    def __init__(self) -> None:
        self.drains_known = False
        """True after the kernel has reported at least once that a request had left."""
        self.last_size = 0
        """Size of the request that started last, in bytes."""
        self.answered_at = -inf
        """Time of the last answer."""
        self.answered_bytes = 0
        """Total size of the answered requests in bytes."""
        self._ended_bytes = 0
        self._newest_answered = -inf
        self._answers: deque[_Answer] = deque(maxlen=_ANSWERS)
        self._busy_since = -inf
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
        """Requests that the next request may have to wait for.

        A request whose bytes have left is excluded if a later request was answered before it.
        """
        return [flight for flight in self._outstanding if flight.drained_at is None or not self.is_overtaken(flight)]

    def is_overtaken(self, flight: OutstandingRequest) -> bool:
        """Return whether a request that started later has already been answered."""
        return flight.started_at < self._newest_answered

    @property
    def leaving(self) -> int:
        """Number of requests in flight that have perhaps not left completely."""
        return sum(flight.drained_at is None for flight in self._outstanding)

    @property
    def remaining_bytes(self) -> int:
        """Number of bytes in flight that have perhaps not left."""
        return sum([flight.size - flight.left for flight in self._outstanding if flight.drained_at is None])

    @property
    def left_bytes(self) -> int:
        """Total number of bytes that have left, including the bytes of ended requests."""
        return self._ended_bytes + sum([flight.left for flight in self._outstanding])

    def only_hanging(self, owner: object, now: float) -> bool:
        """Return whether all requests hang and none of them belongs to `owner`."""
        return all(now - flight.started_at > OVERDUE_SECS and flight.owner is not owner for flight in self._outstanding)

    def start(self, size: int, now: float, owner: object) -> OutstandingRequest:
        """Add a request that starts now."""
        if not self._outstanding:
            self._busy_since = now
        in_flight = size + sum([flight.size for flight in self.waiting])
        flight = OutstandingRequest(
            size,
            now,
            self.answered_bytes,
            self.left_bytes,
            self._left_since(now),
            Load(in_flight, in_flight),
            owner,
        )
        self._outstanding.add(flight)
        self.last_size = size
        return flight

    def drained(self, flight: OutstandingRequest, now: float) -> None:
        """Note that all bytes of a request have left, and compute the rate at which requests left."""
        self.drains_known = True
        flight.drained_at = now
        ahead = sum([other.size for other in self.waiting if other.drained_at is not None])
        flight.load = Load(flight.load.in_flight, ahead)
        flight.left_rate = self._left_rate(flight, now)

    def _left_since(self, now: float) -> float:
        """Return the time at which `left_bytes` was last updated. On a busy machine, this may be long ago."""
        leaving = [flight for flight in self._outstanding if flight.drained_at is None]
        return min([flight.reported_at or flight.started_at for flight in leaving], default=now)

    def _left_rate(self, flight: OutstandingRequest, now: float) -> float | None:
        if flight.reported_at is None or now - flight.started_at < MIN_DRAIN_SECS:
            return None
        return (self.left_bytes - flight.left_before) / (now - flight.left_since)

    def answered(self, flight: OutstandingRequest, size: int, answered_at: float) -> float:
        """Remove an answered request of `size` bytes, and return the measured rate in bytes per second.

        The rate is the lower of two rates: the rate at which requests were answered, and the rate at which bytes left.
        If the second rate is unknown, return the first rate.
        """
        self._remove(flight, size)
        self._answers.append(_Answer(answered_at, flight.started_at, self.answered_bytes))
        self.answered_bytes += size
        self.answered_at = answered_at
        self._newest_answered = max(self._newest_answered, flight.started_at)
        rate = self._answer_rate(answered_at)
        left_rate = flight.left_rate or self._left_rate(flight, answered_at)
        return rate if left_rate is None else min(rate, left_rate)

    def _answer_rate(self, now: float) -> float:
        """Return the answered bytes per second, averaged over the duration of the longest recent request.

        Over a shorter time, the rate would be wrong. For example, a busy machine may read several answers at once. Or
        the answer of a small request may arrive directly after the answers of larger requests.
        """
        longest = max(answer.answered_at - answer.started_at for answer in list(self._answers)[-_COMPARED:])
        began = max(now - longest, self._busy_since)
        since = (answer.bytes_before for answer in self._answers if answer.answered_at > began)
        bytes_before = next(since, self._answers[-1].bytes_before)  # the default is for an answer that took no time
        return (self.answered_bytes - bytes_before) / max(now - began, 1e-6)

    def failed(self, flight: OutstandingRequest) -> None:
        """Remove a request that failed without an answer."""
        self._remove(flight, flight.left)

    def _remove(self, flight: OutstandingRequest, left: int) -> None:
        self._outstanding.discard(flight)
        self._ended_bytes += left
