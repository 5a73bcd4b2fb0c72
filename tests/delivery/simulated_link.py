"""A link and an endpoint in simulated time, before the real limits of `AdaptiveConcurrency`."""

from dataclasses import dataclass
from math import inf

from bridge.aws.transport.measurement import RequestProgress
from bridge.delivery.adaptive_concurrency import AdaptiveConcurrency
from bridge.delivery.outstanding_requests import OutstandingRequest

LOOK_SECS = 0.1
"""Seconds between two queries to the kernel."""


@dataclass(eq=False)
class Request:
    flight: OutstandingRequest
    size: float
    remaining: float
    left_at: float = inf
    answered_at: float = inf


class SimulatedLink:
    """Requests on the link share its bandwidth equally, as TCP connections do.

    `bandwidth`: bytes per second. `latency`: seconds to answer, once a request has arrived. `serial`: the endpoint
    serves one request after the other. `drains`: the kernel reports when a request has left. `proxy`: a proxy before
    the link accepts all bytes at once, so the kernel reports that they have left. `cap`: maximum number of requests in
    flight.
    """

    def __init__(self, bandwidth, latency, *, serial=False, drains=True, proxy=False, cap=16):
        self.bandwidth, self.latency = bandwidth, latency
        self._serial, self._drains, self._proxy = serial, drains, proxy
        self.limits = AdaptiveConcurrency(cap)
        self.now = 0.0
        self.delivered = 0.0
        self.longest = 0.0
        """Longest time from the start of a request to its answer."""
        self.sizes = []
        self.timed_out = 0
        self._requests = []
        self._free_at = self._looked_at = 0.0

    @property
    def requests(self):
        return len(self._requests)

    def send(self, secs, max_request=inf):
        """Start as many requests as the limits allow."""
        end = self.now + secs
        while self.now < end:
            while self.limits.has_room(self, self.now):
                self._start(min(self.limits.request_bytes, max_request))
            self.limits.waited(self.now)
            self._advance()

    def use(self, secs, **how):
        """Send requests, and return the share of the link that they used."""
        before, since = self.delivered, self.now
        self.send(secs, **how)
        return (self.delivered - before) / (self.bandwidth * (self.now - since))

    def _start(self, size):
        self.sizes.append(size)
        self._requests.append(Request(self.limits.started(int(size), self.now, self), size, size))

    def _advance(self):
        leaving = [request for request in self._requests if request.remaining > 0]
        rate = self.bandwidth / max(1, len(leaving))
        finished = min((self.now + request.remaining / rate for request in leaving), default=inf)
        answered = min((request.answered_at for request in self._requests), default=inf)
        look = max(self.now, self._looked_at) + LOOK_SECS if self._drains or leaving else inf
        then = min(finished, answered, look)
        for request in leaving:
            request.remaining -= rate * (then - self.now)
            if request.remaining < 1e-6 * request.size:
                self._leave(request, then)
        self.now = then
        if then == look:
            self._look()
        for request in [request for request in self._requests if request.answered_at <= then]:
            self._answer(request)

    def _leave(self, request, now):
        request.remaining, request.left_at = 0.0, now
        self._free_at = (max(self._free_at, now) if self._serial else now) + self.latency
        request.answered_at = self._free_at

    def _look(self):
        self._looked_at = self.now
        for request in self._requests if self._drains else ():
            if request.flight.drained_at is not None or self.now - request.flight.started_at < LOOK_SECS:
                continue
            left = request.size if self._proxy else request.size - request.remaining
            progress = RequestProgress(int(request.size), int(left), drained=left == request.size)
            request.flight.progressed(progress, self.now)
            if progress.drained:
                self.limits.drained(request.flight, self.now)

    def _answer(self, request):
        self._requests.remove(request)
        self.delivered += request.size
        self.longest = max(self.longest, self.now - request.flight.started_at)
        self.limits.answered(request.flight, int(request.size), self.now)
