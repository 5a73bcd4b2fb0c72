"""Adaptive concurrency for one endpoint: how large a request may be, and how many bytes and requests may be in flight.

All streams that are sent to the same endpoint share one link, and therefore one `AdaptiveConcurrency`. The model is BBR
(https://datatracker.ietf.org/doc/draft-ietf-ccwg-bbr/), applied to HTTP requests:

    bandwidth       bytes per second that the link carries: the rate at which requests were answered. If the kernel
                    reports that bytes left this machine at a lower rate, the bandwidth is this lower rate. Only answers
                    raise the bandwidth, because bytes may leave quickly into the buffer of a proxy or a modem.
    answer latency  seconds from sending the last byte of a request to receiving its answer
    window          maximum number of bytes in flight: bandwidth * (REQUEST_SECS + LATENCY_GAIN * answer latency), and
                    at least bandwidth * MAX_QUEUE_SECS
    link window     maximum number of bytes that may wait to leave this machine: bandwidth * MAX_QUEUE_SECS
    request size    bandwidth * REQUEST_SECS. While the link carries one request, the next request is prepared.

On a link of 8 kB/s with a short latency, the window is 16 kB: one or two requests of 8 kB. On a link of 12 MB/s with a
latency of 100 ms, the window is 24 MB. That is more than the maximum number of requests, if each of them is small.

Increase: the bandwidth is the maximum of the last samples, so one faster sample raises the bandwidth and the window.
While the bandwidth rises, the maximum number of requests in flight rises by one at a time.

Decrease: a request times out, and the endpoint has answered no other request in the same time. Then the bandwidth and
the maximum number of requests are halved.

An answer may be slow although all bytes of its request left in time. There are three cases:

    1. The endpoint has become slow. This is certain if the kernel reported that the bytes left at the speed of the
       link. Then no bytes of this bridge wait in a queue on the link. The window grows, at most by a factor of two in
       each answer latency. If a request has no answer yet, its age also shows that the endpoint is slow.
    2. Answers became slow when more requests were in flight. Either the endpoint serves one request after the other,
       or a proxy queues the requests. Only an experiment can find the cause: see `latency_experiment`.
    3. The cause is unknown, because the kernel reported nothing, or the bytes left faster than the link carries them.
       Only Linux reports when bytes leave. The same experiment finds the cause.
"""

from __future__ import annotations

from bridge.delivery.answer_latency import PROVEN_GAIN, SLOW_ANSWER_SECS, AnswerLatency, Load
from bridge.delivery.endpoint_status import EndpointStatus
from bridge.delivery.latency_experiment import LatencyExperiment
from bridge.delivery.link_bandwidth import LinkBandwidth
from bridge.delivery.outstanding_requests import OVERDUE_SECS, OutstandingRequest, OutstandingRequests

MAX_QUEUE_SECS = 2.0
"""Maximum seconds that the link needs for the bytes in flight. Live records wait at most this long for other bytes.

With a lower value, requests would be smaller. Then the HTTP headers and signatures, which are 1 to 2 kB per request,
would use too much of a slow link."""

REQUEST_SECS = 1.0
"""Seconds that the link needs for a full request. In this time, the next request is prepared."""

MAX_WINDOW_BYTES = 32 * 1024 * 1024
"""Maximum bytes in flight to one endpoint. This limits the memory, but allows two requests of 10 MiB in base64."""

MIN_REQUEST_BYTES = 4_000
FIRST_REQUESTS = 4  # maximum number of requests in flight at the start

LATENCY_GAIN = 1.25
"""Factor of the answer latency in the window. A factor above 1 lets the window grow until the link is full."""

PACED_FACTOR = 2.0
"""If a request left faster than this multiple of the bandwidth, its bytes are in a buffer, for example of a proxy."""

SILENT_SHARE = 0.6
"""If no other answer arrived during this fraction of the latency of a slow answer, the endpoint is slow."""

FULL_PIPELINE = 2
"""Number of requests that keep the link busy: the link carries one while the other waits to be acknowledged."""


class AdaptiveConcurrency:
    """Limits for the requests to one endpoint. Not thread-safe: callers hold the lock of the sender pool.

    `requests_cap` is the upper limit of `max_requests`.
    """

    def __init__(self, requests_cap: int, endpoint: str = "") -> None:
        self.timeouts = 0
        self.outcome_unknown = 0
        self._endpoint = endpoint
        self._requests_cap = requests_cap
        self._max_requests = min(FIRST_REQUESTS, requests_cap)
        self._bandwidth = LinkBandwidth(minimum=MIN_REQUEST_BYTES / MAX_QUEUE_SECS)
        self._latency = AnswerLatency()
        self._experiment = LatencyExperiment()
        self._outstanding = OutstandingRequests()
        self._limited_since: float | None = None

    # -- limits ----------------------------------------------------------------------------------------------------

    @property
    def window_bytes(self) -> int:
        """Maximum number of bytes in flight."""
        bandwidth = self._bandwidth.value
        window = bandwidth * max(MAX_QUEUE_SECS, REQUEST_SECS + LATENCY_GAIN * self._latency.secs)
        window = min(window, max(bandwidth * MAX_QUEUE_SECS, PROVEN_GAIN * self._latency.proven_bytes))
        return max(2 * MIN_REQUEST_BYTES, int(min(MAX_WINDOW_BYTES, window * self._share)))

    @property
    def request_bytes(self) -> int:
        """Size of the largest request that may start now, in bytes on the wire.

        The link carries a request of this size in one second. The size is larger if `requests_cap` requests of this
        size would not fill the window.
        """
        window = self.window_bytes
        size = int(self._bandwidth.value * self._share * REQUEST_SECS)
        return min(window // 2, max(MIN_REQUEST_BYTES, size, window // self._requests_cap))

    @property
    def max_requests(self) -> int:
        """Maximum number of requests in flight."""
        return max(1, int(self._max_requests * self._share))

    @property
    def _share(self) -> float:
        return 0.5 if self._experiment.running else 1.0

    # -- room for the next request ---------------------------------------------------------------------------------

    @property
    def requests(self) -> int:
        """Number of requests in flight."""
        return len(self._outstanding)

    @property
    def free_requests(self) -> int:
        """Number of requests that may start now, at least 1."""
        return max(1, self.max_requests - len(self._outstanding))

    @property
    def prefers_full_requests(self) -> bool:
        """True if a small request should wait for more records, because the link is busy or few others may start."""
        return self._outstanding.leaving >= FULL_PIPELINE or self.max_requests - len(self._outstanding) < FULL_PIPELINE

    def has_room(self, owner: object, now: float) -> bool:
        """Return whether the stream `owner` may start one more request of `request_bytes`.

        If the requests of one stream hang, the other streams must continue. So if all requests hang, each stream
        without a request in flight may start a request. If the link itself hangs, one more request per stream does
        little harm.
        """
        if not self._outstanding:
            return True
        self._follow_ages(now)
        # The next request will be about as large as the last request. A request of 500 small records is much smaller
        # than `request_bytes`.
        expected = min(self.request_bytes, self._outstanding.last_size)
        waiting = self._outstanding.waiting
        # If the kernel reports how many bytes are on the link, the limit is the window. Otherwise, the limit is lower
        # by the size of one request, so that the next request fits completely in the window.
        slack = 0 if self._outstanding.drains_known else expected
        fits = sum([flight.size for flight in waiting]) <= self.window_bytes - slack
        if fits and len(waiting) < self.max_requests and self._link_has_room(expected):
            return len(self._outstanding) < self._requests_cap
        return self._outstanding.only_hanging(owner, now)

    def _link_has_room(self, expected: int) -> bool:
        """Return whether the next request fits in the link window, in addition to the bytes that have not left yet.

        Without this limit, several requests would start together. After their bytes had left, the link would be idle
        until their answers arrive.
        """
        room = self._bandwidth.value * MAX_QUEUE_SECS * self._share
        return not self._outstanding.drains_known or self._outstanding.remaining_bytes <= max(expected, room - expected)

    # -- events ----------------------------------------------------------------------------------------------------

    def waited(self, now: float, owner: object = None) -> None:
        """Note that records are ready, but must wait for requests in flight.

        If `owner` is given, the records of this stream wait for the stream's own requests, which contain the same
        partition keys.
        """
        flights = [flight for flight in self._outstanding if owner is None or flight.owner is owner]
        for flight in flights:
            flight.limited = True
        if flights and self._limited_since is None:
            self._limited_since = now

    def started(self, size: int, now: float, owner: object) -> OutstandingRequest:
        """Register a request of `owner` that starts now, with about `size` bytes on the wire, and return it."""
        return self._outstanding.start(size, now, owner)

    def drained(self, flight: OutstandingRequest, now: float) -> None:
        """Note that the last byte of a request has left. The kernel reported this before the answer arrived."""
        self._outstanding.drained(flight, now)
        if flight.left_rate is None:
            return
        flight.paced = flight.left_rate <= PACED_FACTOR * self._bandwidth.value
        if flight.paced:
            self._bandwidth.on_rate(min(flight.left_rate, self._bandwidth.value), limited=flight.limited)

    def answered(self, flight: OutstandingRequest, size: int, answered_at: float) -> None:
        """Update all measurements after an answer, successful or not, to a request of `size` bytes on the wire."""
        latency = self._answer_latency(flight, size, answered_at)
        shows_slow_endpoint = self._shows_slow_endpoint(flight, answered_at)
        rate = self._outstanding.answered(flight, size, answered_at)
        # While the cause of slow answers is unknown, their rate does not show the speed of the link. So this rate does
        # not lower the bandwidth.
        conclusive = flight.started_at >= self._experiment.conclusive_from and not flight.paced
        slow = self._latency.is_slow(latency[0]) or self._latency.secs > SLOW_ANSWER_SECS
        self._bandwidth.on_rate(rate, limited=flight.limited and conclusive and not slow)
        if not flight.limited:
            self._limited_since = None
        self._on_latency(latency, rate, flight, answered_at, shows_slow_endpoint=shows_slow_endpoint)
        self._grow(limited=flight.limited)

    def failed(self, flight: OutstandingRequest, now: float, *, outcome_unknown: bool) -> bool:
        """Remove a request that failed without an answer. Return whether the endpoint is silent.

        The endpoint is silent if it has answered no request since this request started. If the endpoint is silent and
        the request timed out, the limits are halved.
        """
        self._outstanding.failed(flight)
        self.outcome_unknown += outcome_unknown
        timed_out = now - flight.started_at >= OVERDUE_SECS
        self.timeouts += timed_out
        silent = self._outstanding.answered_bytes == flight.answered_before
        if timed_out and silent:
            self._bandwidth.halve()
            self._max_requests = max(1, self._max_requests // 2)
        return silent

    # -- the endpoint's latency ------------------------------------------------------------------------------------

    def _answer_latency(self, flight: OutstandingRequest, size: int, answered_at: float) -> tuple[float, float]:
        """Return a lower and an upper bound of the answer latency.

        The bounds are equal if the kernel reported when the request had left. Otherwise, the bounds are estimates. The
        upper bound assumes that the link carried only this request. The lower bound assumes that it carried all bytes
        in flight.
        """
        if flight.drained_at is not None:
            latency = max(0.0, answered_at - flight.drained_at)
            return latency, latency
        secs, bandwidth = answered_at - flight.started_at, self._bandwidth.value
        upper = max(0.0, secs - size / bandwidth)
        if flight.reported_at is not None:
            upper = min(upper, max(0.0, answered_at - flight.reported_at))
        return min(upper, max(0.0, secs - flight.load.in_flight / bandwidth)), upper

    def _shows_slow_endpoint(self, flight: OutstandingRequest, now: float) -> bool:
        """Return whether a slow answer to this request is caused by the endpoint, and not by a queue of requests.

        The endpoint is the cause if answers were fast with the same load before, and if no other answer has arrived for
        a long time. In a queue, the requests before this request would have been answered.
        """
        if flight.drained_at is None or not flight.paced or now < self._experiment.grow_from:
            return False
        silent = now - self._outstanding.answered_at >= SILENT_SHARE * (now - flight.drained_at)
        return silent and self._latency.is_proven(flight.load)

    def _follow_ages(self, now: float) -> None:
        """Raise the answer latency to the age of the oldest unanswered request, if the endpoint causes the delay."""
        slow = {
            flight: now - flight.drained_at
            for flight in self._outstanding
            if flight.drained_at is not None
            and not self._outstanding.is_overtaken(flight)
            and self._latency.is_slow(now - flight.drained_at)
            and self._shows_slow_endpoint(flight, now)
        }
        if slow and not self._experiment.running:
            self._on_slow_endpoint(max(slow.values()), max(flight.load for flight in slow), now)

    def _on_latency(
        self,
        latency: tuple[float, float],
        rate: float,
        flight: OutstandingRequest,
        now: float,
        *,
        shows_slow_endpoint: bool,
    ) -> None:
        """Adapt the limits to an answer latency. If the cause of a slow answer is unknown, start an experiment."""
        lower, upper = latency
        if self._experiment.running:
            if self._experiment.ends_with(flight.started_at, upper):
                self._conclude(upper, rate, flight, now)
            return
        slow = self._latency.is_slow(lower)
        if slow and shows_slow_endpoint:
            self._on_slow_endpoint(upper, flight.load, now)
            return
        if slow or self._latency.grew_with_load(lower, flight.load):
            self._experiment.start(now, upper, self.max_requests)
        if not slow:
            self._latency.follow(lower, upper, flight.load)
            self._fill_window(now)

    def _on_slow_endpoint(self, latency: float, load: Load, now: float) -> None:
        self._latency.jump(latency, load)
        self._bandwidth.reset_growth()
        self._fill_window(now)

    def _conclude(self, latency: float, rate: float, flight: OutstandingRequest, now: float) -> None:
        """Apply the result of the experiment. `latency` and `rate` were measured while the limits were halved."""
        self._bandwidth.reset_growth()
        if self._experiment.found_queue(latency, now):
            # The link or the endpoint queues requests, so more requests in flight do not increase the throughput.
            self._max_requests = self._experiment.max_requests // 2
            if not flight.paced:
                self._bandwidth.halve(rate)
        else:
            self._latency.jump(latency, flight.load)
            self._fill_window(now)

    def _fill_window(self, now: float) -> None:
        """Allow enough requests to fill the window, if the endpoint is slow."""
        if self._latency.secs > SLOW_ANSWER_SECS and self._outstanding.last_size and now >= self._experiment.grow_from:
            filling = -(-self.window_bytes // self._outstanding.last_size)
            self._max_requests = min(self._requests_cap, max(self._max_requests, filling))

    def _grow(self, *, limited: bool) -> None:
        """Allow one more request in flight, if the throughput has grown since the number was last raised."""
        if not limited or self._max_requests >= self._requests_cap or self._experiment.running:
            return
        if self._bandwidth.has_grown(self._max_requests):
            self._max_requests += 1

    # -- for the status --------------------------------------------------------------------------------------------

    def limited_secs(self, now: float) -> float:
        """Return for how many seconds requests have continuously had to wait for the link.

        The time after the last answer is not included, because an endpoint that does not answer may be the cause.
        """
        if self._limited_since is None:
            return 0.0
        return max(0.0, min(now, self._outstanding.answered_at) - self._limited_since)

    def status(self, now: float) -> EndpointStatus:
        """Return the current limits and measurements."""
        return EndpointStatus(
            endpoint=self._endpoint,
            bandwidth=self._bandwidth.value if self._bandwidth.measured else 0.0,
            answer_secs=self._latency.secs,
            request_bytes=self.request_bytes,
            window_bytes=self.window_bytes,
            max_requests=self.max_requests,
            requests=len(self._outstanding),
            bytes_in_flight=self._outstanding.size,
            timeouts=self.timeouts,
            limited_secs=self.limited_secs(now),
            outcome_unknown=self.outcome_unknown,
            sent_bytes=self._outstanding.answered_bytes,
        )
