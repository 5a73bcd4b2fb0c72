"""Adaptive concurrency for one endpoint: how large a request may be, and how many bytes and requests may be in flight.

All streams that are sent to the same endpoint share one link, and therefore one `AdaptiveConcurrency`. The model is BBR
(https://datatracker.ietf.org/doc/draft-ietf-ccwg-bbr/), applied to HTTP requests:

    bandwidth       bytes per second that left over the link, or were answered where the kernel does not see the link.
                    Only answers raise it, since bytes may leave into the buffer of a proxy or a modem
    answer latency  the time from the end of a request's body leaving this machine to the arrival of its answer
    window          bandwidth * (REQUEST_SECS + LATENCY_GAIN * answer latency), and at least bandwidth * MAX_QUEUE_SECS:
                    the bytes that may be in flight
    link window     bandwidth * MAX_QUEUE_SECS: the bytes of these that may not have left yet
    request size    bandwidth * REQUEST_SECS, so that one request is on the link while the next one is prepared

A link of 8 kB/s with a short latency carries one or two requests of 8 kB at a time. A link of 12 MB/s with a latency of
100 ms carries as many as the threads allow. Latency alone does not distinguish these links, but bandwidth does.

Growth: the bandwidth is the maximum of the last samples. One faster sample therefore raises it, and the window with it.
The number of requests in flight grows by one at a time while the bandwidth grows. Decrease: both are halved after a
time-out, unless the endpoint answered other requests at the same time.

When answers become slow although the body left in time, the cause is one of these:

    1. The endpoint has become slow. This is certain if the kernel saw the body leave at the speed of the link: then no
       bytes of this bridge wait in a queue on the link. The window grows, at most by a factor of two in each answer
       time. Even before the answer arrives, the age of the request shows that the endpoint is slow.
    2. Answers became slow when more requests were in flight. Either the endpoint serves one request after the other,
       or a proxy queues them. Only an experiment can distinguish the two: see
       `queue_experiment`.
    3. The kernel reported nothing, as on systems other than Linux, or the body left too fast. The same experiment
       decides.
"""

from __future__ import annotations

from bridge.delivery.answer_latency import PROVEN_GAIN, SLOW_ANSWER_SECS, AnswerLatency, Load
from bridge.delivery.endpoint_status import EndpointStatus
from bridge.delivery.link_bandwidth import LinkBandwidth
from bridge.delivery.outstanding_requests import OVERDUE_SECS, OutstandingRequest, OutstandingRequests
from bridge.delivery.queue_experiment import QueueExperiment

MAX_QUEUE_SECS = 2.0
"""Maximum time that the bytes in flight need on the link.

It bounds the delay of a live record and the duration of a stop.

Shorter requests would spend a larger part of a thin link on HTTP headers and signatures (about 1 to 2 kB each)."""

REQUEST_SECS = 1.0
"""Time that a request needs on the link, long enough to prepare the next one meanwhile."""

MAX_WINDOW_BYTES = 32 * 1024 * 1024
"""Maximum memory for the requests in flight to one endpoint: two of the largest of Kinesis, in base64."""

MIN_REQUEST_BYTES = 4_000
FIRST_REQUESTS = 4

LATENCY_GAIN = 1.25
"""More than 1, so that the window of a distant endpoint grows until the link is full."""

PACED_FACTOR = 2.0
"""A request that left at up to this multiple of the bandwidth left over the link, not into a buffer before it."""

SILENT_SHARE = 0.6
"""Share of a slow answer's latency without any other answer that shows a slow endpoint: a queue would move."""

FULL_PIPELINE = 2
"""Number of requests that keep the link busy: the second one fills it while the end of the first is acknowledged."""


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
        self._bandwidth = LinkBandwidth(least=MIN_REQUEST_BYTES / MAX_QUEUE_SECS)
        self._latency = AnswerLatency()
        self._experiment = QueueExperiment()
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

        The link carries a request of this size in one second. The size is larger only if this is necessary to fill the
        window.
        """
        window = self.window_bytes
        size = int(self._bandwidth.value * self._share * REQUEST_SECS)
        return min(window // 2, max(MIN_REQUEST_BYTES, size, window // self._requests_cap))

    @property
    def max_requests(self) -> int:
        """Number of requests that may be in flight."""
        return max(1, int(self._max_requests * self._share))

    @property
    def _share(self) -> float:
        return 0.5 if self._experiment.running else 1.0

    # -- what is in flight -----------------------------------------------------------------------------------------

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
        """True if a small request should wait for more records, because the link is busy or few requests may start."""
        return self._outstanding.leaving >= FULL_PIPELINE or self.max_requests - len(self._outstanding) < FULL_PIPELINE

    def has_room(self, owner: object, now: float) -> bool:
        """Return whether `owner`, a stream, may start one more request of `request_bytes`.

        Unanswered requests of one stream must not stop the other streams. So one further request may start in spite of
        them. If the link itself hangs, one more request does little harm.
        """
        if not self._outstanding:
            return True
        self._follow_ages(now)
        # A request of 500 small records may be much smaller than the window allows.
        expected = min(self.request_bytes, self._outstanding.last_size)
        waiting = self._outstanding.waiting
        # If the kernel reports how many bytes are on the link, the window is the limit. Otherwise, the limit is lower
        # by the size of one request, so that the window contains complete requests.
        slack = 0 if self._outstanding.drains_known else expected
        fits = sum([flight.size for flight in waiting]) <= self.window_bytes - slack
        if fits and len(waiting) < self.max_requests and self._link_has_room(expected):
            return len(self._outstanding) < self._requests_cap
        return self._outstanding.only_hanging(owner, now)

    def _link_has_room(self, expected: int) -> bool:
        """Return whether the next request can leave directly after the few bytes that have not left yet.

        Requests that start together would leave together, and the link would then be idle until their answers.
        """
        room = self._bandwidth.value * MAX_QUEUE_SECS * self._share
        return not self._outstanding.drains_known or self._outstanding.remaining_bytes <= max(expected, room - expected)

    # -- what happens ----------------------------------------------------------------------------------------------

    def waited(self, now: float, owner: object = None) -> None:
        """Note that records are ready but no request may start, because the requests in flight use the complete limit.

        With `owner`, records of that stream wait only for its own requests, which contain the same partition keys.
        """
        flights = [flight for flight in self._outstanding if owner is None or flight.owner is owner]
        for flight in flights:
            flight.limited = True
        if flights and self._limited_since is None:
            self._limited_since = now

    def started(self, size: int, now: float, owner: object) -> OutstandingRequest:
        """Register a request of `owner`, about `size` bytes on the wire, that starts now, and return it."""
        return self._outstanding.start(size, now, owner)

    def drained(self, flight: OutstandingRequest, now: float) -> None:
        """Note that the kernel has seen the last byte of a request leave, before there was an answer."""
        self._outstanding.drained(flight, now)
        if flight.left_rate is None:
            return
        flight.paced = flight.left_rate <= PACED_FACTOR * self._bandwidth.value
        if flight.paced:
            self._bandwidth.on_rate(min(flight.left_rate, self._bandwidth.value), limited=flight.limited)

    def answered(self, flight: OutstandingRequest, size: int, answered_at: float) -> None:
        """Measure a request of `size` bytes on the wire that got any answer."""
        latency = self._answer_latency(flight, size, answered_at)
        shows_slow_endpoint = self._shows_slow_endpoint(flight, answered_at)
        rate = self._outstanding.answered(flight, size, answered_at)
        # The link's share in the time of a slow answer is unknown, so the bandwidth does not change until the cause is
        # known.
        conclusive = flight.started_at >= self._experiment.conclusive_from and not flight.paced
        slow = self._latency.is_slow(latency[0]) or self._latency.secs > SLOW_ANSWER_SECS
        self._bandwidth.on_rate(rate, limited=flight.limited and conclusive and not slow)
        if not flight.limited:
            self._limited_since = None
        self._on_latency(latency, rate, flight, answered_at, shows_slow_endpoint=shows_slow_endpoint)
        self._grow(limited=flight.limited)

    def failed(self, flight: OutstandingRequest, now: float, *, outcome_unknown: bool) -> bool:
        """Remove a request that got no answer.

        Return whether the endpoint is silent: it answered no other request since this request started. If the endpoint
        is silent and the request was overdue, the limits are halved.
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

        They are equal if the kernel saw the request leave. Otherwise, the earliest time is when the link had carried
        the bytes of this request, and the latest time is when it had carried all bytes in flight.
        """
        if flight.drained_at is not None:
            latency = max(0.0, answered_at - flight.drained_at)
            return latency, latency
        secs, bandwidth = answered_at - flight.started_at, self._bandwidth.value
        upper = max(0.0, secs - size / bandwidth)
        if flight.looked_at is not None:
            upper = min(upper, max(0.0, answered_at - flight.looked_at))
        return min(upper, max(0.0, secs - flight.load.in_flight / bandwidth)), upper

    def _shows_slow_endpoint(self, flight: OutstandingRequest, now: float) -> bool:
        """Return whether the endpoint, and not a queue of this bridge, causes the slow answer to this request.

        The endpoint is the cause if the same load did no harm before, and if no other answer arrived for a long time.
        With a queue, the requests before this one would have been answered.
        """
        if flight.drained_at is None or not flight.paced or now < self._experiment.grow_from:
            return False
        silent = now - self._outstanding.answered_at >= SILENT_SHARE * (now - flight.drained_at)
        return silent and self._latency.is_proven(flight.load)

    def _follow_ages(self, now: float) -> None:
        """Raise the answer latency to the age of a sent request, if neither this nor a later request was answered."""
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
        """Follow the answer latency, and decide what a slow answer means."""
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
        self._bandwidth.forget_growth()
        self._fill_window(now)

    def _conclude(self, latency: float, rate: float, flight: OutstandingRequest, now: float) -> None:
        """Apply the result of the experiment: the latency and the rate of answers with half the requests in flight."""
        self._bandwidth.forget_growth()
        if self._experiment.found_queue(latency, now):
            # The link or the endpoint queues requests, so more of them in flight are of no use.
            self._max_requests = self._experiment.max_requests // 2
            if not flight.paced:
                self._bandwidth.halve(rate)
        else:
            self._latency.jump(latency, flight.load)
            self._fill_window(now)

    def _fill_window(self, now: float) -> None:
        """Allow as many requests as fill the window, if the endpoint is slow."""
        if self._latency.secs > SLOW_ANSWER_SECS and self._outstanding.last_size and now >= self._experiment.grow_from:
            filling = -(-self.window_bytes // self._outstanding.last_size)
            self._max_requests = min(self._requests_cap, max(self._max_requests, filling))

    def _grow(self, *, limited: bool) -> None:
        """Allow one more request if the last one that was added brought more throughput."""
        if not limited or self._max_requests >= self._requests_cap or self._experiment.running:
            return
        if self._bandwidth.has_grown(self._max_requests):
            self._max_requests += 1

    # -- for the status --------------------------------------------------------------------------------------------

    def limited_secs(self, now: float) -> float:
        """Return for how many seconds requests had continuously waited for the link at the last answer.

        Without answers, the link carries nothing, so its bandwidth does not limit the delivery.
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
