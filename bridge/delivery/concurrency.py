"""Adaptive concurrency for one endpoint: how large a request may be, and how many bytes and requests may be in flight.

All streams that are sent to the same endpoint share one link, and therefore one `AdaptiveConcurrency`. The model is
that of BBR (https://datatracker.ietf.org/doc/draft-ietf-ccwg-bbr/), applied to whole HTTP requests:

    bandwidth       bytes per second that the endpoint answered, measured over the flight of each request
    answer latency  from the moment a request's body has left this machine until its answer arrives
    window          bandwidth * (MAX_QUEUE_SECS + LATENCY_GAIN * answer latency): the bytes that may be in flight
    request size    bandwidth * REQUEST_SECS, so that one request is on the link while the next one is prepared

A link of 8 kB/s that is near carries requests of 8 kB, one or two at a time. A link of 12 MB/s that is 100 ms away
carries as many as its threads allow. Latency alone does not tell the two apart; bandwidth does.

Growth: bandwidth is the maximum of the last samples, so the window grows as soon as a larger window brings more.
Requests in flight grow by one for as long as bandwidth grows. Decrease: both are halved after a time-out, unless the
endpoint answered other requests at the same time. When answers become slow although the body left in time, the cause is
either a distant endpoint or a queue that this bridge fills. Only an experiment can tell: for one answer the limits are
halved. If the latency falls too, they stay halved.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

MAX_QUEUE_SECS = 2.0
"""Time that the bytes in flight may need on the link. It bounds the delay of a live record, and how long a stop takes.

Shorter requests would spend a larger part of a thin link on HTTP headers and signatures (about 1 to 2 kB each)."""

REQUEST_SECS = 1.0
"""Time that a request needs on the link: one is on the link while the next one is prepared."""

FIRST_BANDWIDTH = 32_000.0
"""Bytes per second assumed before the first answer: the first request is then at most 32 kB on the wire."""

MAX_WINDOW_BYTES = 32 * 1024 * 1024
"""Bound of the memory for requests in flight, all streams of an endpoint together: two of the largest that Kinesis
allows, in base64."""

MIN_REQUEST_BYTES = 4_000
FIRST_REQUESTS = 4
SLOW_ANSWER_SECS = 1.0
"""Faster answers are never worth an experiment: the queue that they may hide is shorter than MAX_QUEUE_SECS."""

OVERDUE_SECS = 10.0
"""Age at which a request is taken for one that hangs: five times as long as the bytes in flight need on the link."""

LATENCY_GAIN = 1.25
"""More than 1, so that the window of a distant endpoint grows until the link is full."""

_SAMPLES = 8
QUEUE_SHARE = 0.75
"""If the latency falls below this share with half in flight, a queue was the cause: it is half as long then. The
latency of a distant endpoint stays."""

MIN_EXPERIMENT_INTERVAL_SECS = 20.0
_EXPERIMENT_EVERY = 10
"""An experiment costs up to half of the throughput for one answer, so at most one in ten answer times is spent so."""


@dataclass(slots=True, eq=False)
class Flight:
    """One request in flight. `size` is in bytes on the wire, estimated until the request was written."""

    size: int
    started_at: float
    answered_before: int
    in_flight: int
    owner: object
    limited: bool = False
    """True once another request had to wait for this one: only then does its rate show what the link can carry."""


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """Limits and measurements of one endpoint at one moment.

    `endpoint` is its host, or its URL where one is configured. Sizes are bytes on the wire. `bandwidth` is in bytes per
    second, 0 before the first answer. `answer_secs` is the lowest recent answer latency. `limited_secs`: for how long
    requests have had to wait for the link without a break. `outcome_unknown`: requests that may have been stored
    although no good answer came.
    """

    endpoint: str
    bandwidth: float
    answer_secs: float
    request_bytes: int
    window_bytes: int
    max_requests: int
    requests: int
    bytes_in_flight: int
    timeouts: int
    limited_secs: float
    outcome_unknown: int = 0


class AdaptiveConcurrency:
    """Limits for the requests to one endpoint. Not thread-safe: the sender pool guards it.

    `requests_cap` is the largest number of requests in flight that is ever allowed.
    """

    def __init__(self, requests_cap: int, endpoint: str = "") -> None:
        self.timeouts = 0
        self.outcome_unknown = 0
        self._endpoint = endpoint
        self._requests_cap = requests_cap
        self._max_requests = min(FIRST_REQUESTS, requests_cap)
        self._bandwidth = FIRST_BANDWIDTH
        self._measured = False
        self._rates: deque[float] = deque(maxlen=_SAMPLES)
        self._answers: deque[float] = deque(maxlen=_SAMPLES)
        self._latency = 0.0
        self._flights: set[Flight] = set()
        self._bytes_in_flight = 0
        self._last_size = 0
        self._answered_bytes = 0
        self._bandwidth_at_growth = 0.0
        self._limited_since: float | None = None
        self._experiment: _Experiment | None = None
        self._next_experiment_at = self._conclusive_from = 0.0

    @property
    def window_bytes(self) -> int:
        """Bytes that may be in flight."""
        window = self._bandwidth * self._window_secs
        window = min(MAX_WINDOW_BYTES, window / 2 if self._experiment else window)
        return max(2 * MIN_REQUEST_BYTES, int(window))

    @property
    def request_bytes(self) -> int:
        """Size of the largest request that may start now, in bytes on the wire.

        The link carries it in one second. It is larger only where the window could not be filled otherwise.
        """
        window = self.window_bytes
        return min(window // 2, max(int(window * REQUEST_SECS / self._window_secs), window // self._max_requests))

    @property
    def _window_secs(self) -> float:
        return MAX_QUEUE_SECS + LATENCY_GAIN * self._latency

    @property
    def max_requests(self) -> int:
        """Number of requests that may be in flight."""
        return max(1, self._max_requests // 2) if self._experiment else self._max_requests

    @property
    def requests(self) -> int:
        """Number of requests in flight."""
        return len(self._flights)

    @property
    def free_requests(self) -> int:
        """Number of requests that may start now, at least 1."""
        return max(1, self.max_requests - len(self._flights))

    def has_room(self, owner: object, now: float) -> bool:
        """Return whether `owner`, a stream, may start one more request of `request_bytes`."""
        if not self._flights:
            return True
        # A request of 500 small records may be much smaller than the window would let it be.
        expected = min(self.request_bytes, self._last_size)
        if len(self._flights) < self.max_requests and self._bytes_in_flight <= self.window_bytes - expected:
            return True
        return self._may_bypass(owner, now)

    def _may_bypass(self, owner: object, now: float) -> bool:
        """Return whether one request may start beside others that hang.

        Requests of one stream that are never answered must not stop the other streams. One request at a time is let
        past them: if the link itself hangs, that adds little to it.
        """
        overdue = [flight for flight in self._flights if now - flight.started_at > OVERDUE_SECS]
        others = len(self._flights) - len(overdue)
        return bool(overdue) and others == 0 and all(flight.owner is not owner for flight in self._flights)

    def waited(self, now: float, owner: object = None) -> None:
        """Note that records are ready and no request may start: what is in flight uses all that is allowed.

        With `owner`: records of that stream wait only for its own requests, which carry the same partition keys.
        """
        flights = [flight for flight in self._flights if owner is None or flight.owner is owner]
        for flight in flights:
            flight.limited = True
        if flights and self._limited_since is None:
            self._limited_since = now

    def started(self, size: int, now: float, owner: object) -> Flight:
        """Return the flight of a request of `owner`, about `size` bytes on the wire, that starts now."""
        flight = Flight(size, now, self._answered_bytes, self._bytes_in_flight + size, owner)
        self._flights.add(flight)
        self._last_size = size
        self._bytes_in_flight += size
        return flight

    def answered(self, flight: Flight, size: int, drained_at: float | None, answered_at: float) -> None:
        """Measure a request that was answered, whatever the answer was.

        `size`: its bytes on the wire. `drained_at`: when the last byte had left this machine; None if that is unknown.
        """
        self._remove(flight)
        self._answered_bytes += size
        secs = max(answered_at - flight.started_at, 1e-6)
        rate = (self._answered_bytes - flight.answered_before) / secs
        latency = self._answer_latency(flight, size, drained_at, answered_at)
        # Slow answers lower the measured rate too. The bandwidth stays until an experiment has shown the cause.
        conclusive = flight.started_at >= self._conclusive_from and not self._is_slow(latency[0])
        self._on_rate(rate, lower=flight.limited and conclusive)
        if not flight.limited:
            self._limited_since = None
        self._on_latency(latency, flight, answered_at)
        self._grow(limited=flight.limited)

    def _answer_latency(
        self, flight: Flight, size: int, drained_at: float | None, answered_at: float
    ) -> tuple[float, float]:
        """Return a lower and an upper bound of the answer latency. They are equal if the kernel told `drained_at`.

        Otherwise the request had left once the link had carried its own bytes, or at the latest all that was in flight.
        """
        if drained_at is not None:
            latency = max(0.0, answered_at - drained_at)
            return latency, latency
        secs = answered_at - flight.started_at
        return max(0.0, secs - flight.in_flight / self._bandwidth), max(0.0, secs - size / self._bandwidth)

    def failed(self, flight: Flight, now: float, *, outcome_unknown: bool) -> bool:
        """Forget a request that got no answer. Return whether the whole endpoint is silent, and not this request only.

        It is silent if nothing else was answered since this request started. If that took long, the limits are halved.
        """
        self._remove(flight)
        self.outcome_unknown += outcome_unknown
        timed_out = now - flight.started_at >= OVERDUE_SECS
        self.timeouts += timed_out
        silent = self._answered_bytes == flight.answered_before
        if timed_out and silent:
            self._halve_bandwidth()
            self._max_requests = max(1, self._max_requests // 2)
        return silent

    def limited_secs(self, now: float) -> float:
        """Return for how long requests have had to wait for the link without a break."""
        return 0.0 if self._limited_since is None else now - self._limited_since

    def status(self, now: float) -> EndpointStatus:
        """Return the limits and measurements as they are now."""
        return EndpointStatus(
            endpoint=self._endpoint,
            bandwidth=self._bandwidth if self._measured else 0.0,
            answer_secs=self._latency,
            request_bytes=self.request_bytes,
            window_bytes=self.window_bytes,
            max_requests=self.max_requests,
            requests=len(self._flights),
            bytes_in_flight=self._bytes_in_flight,
            timeouts=self.timeouts,
            limited_secs=self.limited_secs(now),
            outcome_unknown=self.outcome_unknown,
        )

    def _remove(self, flight: Flight) -> None:
        self._flights.discard(flight)
        self._bytes_in_flight -= flight.size

    def _on_rate(self, rate: float, *, lower: bool) -> None:
        """Raise the bandwidth to a higher rate at once, and lower it only by what a full link shows."""
        if rate >= self._bandwidth or not self._measured:
            self._bandwidth = rate if lower else max(rate, self._bandwidth)
            self._measured = True
            self._rates.append(rate)
        elif lower:
            self._lower(rate)
        self._bandwidth_at_growth = min(self._bandwidth_at_growth, self._bandwidth)

    def _lower(self, rate: float) -> None:
        """Lower the bandwidth to the highest recent rate; at once by half where the link has become much thinner."""
        halved = self._bandwidth / 2
        if rate < halved:
            self._rates.clear()
        self._rates.append(rate)
        self._bandwidth = max(halved, *self._rates)

    def _halve_bandwidth(self) -> None:
        self._bandwidth = max(MIN_REQUEST_BYTES / MAX_QUEUE_SECS, self._bandwidth / 2)
        self._rates.clear()
        self._bandwidth_at_growth = min(self._bandwidth_at_growth, self._bandwidth)

    def _is_slow(self, latency: float) -> bool:
        return latency > max(2 * self._latency, SLOW_ANSWER_SECS)

    def _on_latency(self, latency: tuple[float, float], flight: Flight, now: float) -> None:
        """Follow the answer latency down at once, up if all recent answers took longer, and put a jump to the test."""
        lower, upper = latency
        if self._experiment is not None:
            if flight.started_at >= self._experiment.started_at:
                self._conclude(self._experiment, upper, now)
            else:
                self._experiment.latency = max(self._experiment.latency, upper)
        elif self._is_slow(lower):
            if now >= self._next_experiment_at:
                self._experiment = _Experiment(now, upper, self.max_requests)
        else:
            self._answers.append(lower)
            self._latency = max(min(self._latency, upper), min(self._answers))

    def _conclude(self, experiment: _Experiment, latency: float, now: float) -> None:
        """Compare the latency with half in flight to the highest one before."""
        self._experiment = None
        self._bandwidth_at_growth = 0.0  # the comparison with earlier answers is void
        self._conclusive_from = now + latency  # until then fewer requests are in flight than the limits allow
        if latency < experiment.latency * QUEUE_SHARE and experiment.max_requests > 1:
            # The link or the endpoint queues what it is sent: more in flight is of no use.
            self._max_requests = experiment.max_requests // 2
            self._halve_bandwidth()
            self._next_experiment_at = now + MIN_EXPERIMENT_INTERVAL_SECS
            return
        self._next_experiment_at = now + max(MIN_EXPERIMENT_INTERVAL_SECS, _EXPERIMENT_EVERY * latency)
        self._latency = latency
        self._answers.clear()
        self._answers.append(latency)
        if self._last_size:
            filling = -(-self.window_bytes // self._last_size)
            self._max_requests = min(self._requests_cap, max(self._max_requests, filling))

    def _grow(self, *, limited: bool) -> None:
        """Allow one more request if the last one that was added brought more throughput."""
        if not limited or self._max_requests >= self._requests_cap or self._experiment is not None:
            return
        # One request more should bring 1/n more throughput. Half of that is no accident.
        if self._bandwidth > self._bandwidth_at_growth * (1 + 0.5 / self._max_requests):
            self._max_requests += 1
            self._bandwidth_at_growth = self._bandwidth


@dataclass(slots=True)
class _Experiment:
    """Half of the limits for one answer, to tell a distant endpoint from a queue.

    `latency` is the highest of the requests that were in flight before.
    """

    started_at: float
    latency: float
    max_requests: int
