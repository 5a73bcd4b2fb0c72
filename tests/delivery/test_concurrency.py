import pytest

from bridge.delivery.concurrency import (
    FIRST_BANDWIDTH,
    MAX_QUEUE_SECS,
    MAX_WINDOW_BYTES,
    MIN_REQUEST_BYTES,
    OVERDUE_SECS,
    SLOW_ANSWER_SECS,
    AdaptiveConcurrency,
)


class Link:
    """A link and an endpoint in simulated time. `send` keeps the link busy, as long as the limits allow.

    `bandwidth`: bytes per second. `latency`: seconds to answer, once a request has left. `serial`: the endpoint answers
    one request after the other. `sizes`: of the requests. `drains`: the kernel tells when they have left.
    """

    def __init__(self, bandwidth, latency, *, serial=False, drains=True, cap=16):
        self.bandwidth, self.latency, self.serial, self.drains = bandwidth, latency, serial, drains
        self.limits = AdaptiveConcurrency(cap)
        self.now = self.free_at = self.served_at = 0.0
        self.delivered = 0
        self.flights = []
        self.sizes = []
        self.longest = 0.0

    def send(self, secs, max_request=1e12):
        end = self.now + secs
        while self.now < end:
            while self.limits.has_room(self, self.now):
                self._start(min(self.limits.request_bytes, max_request))
            self.limits.waited(self.now)
            self._answer_next()

    def _start(self, size):
        self.free_at = max(self.free_at, self.now) + size / self.bandwidth
        left = max(self.free_at, self.served_at) if self.serial else self.free_at
        self.served_at = left + self.latency
        self.sizes.append(size)
        self.flights.append((left + self.latency, self.free_at, size, self.limits.started(int(size), self.now, self)))

    def _answer_next(self):
        self.flights.sort(key=lambda flight: flight[0])
        answered_at, drained_at, size, flight = self.flights.pop(0)
        self.now = answered_at
        self.delivered += size
        self.longest = max(self.longest, self.now - flight.started_at)
        self.limits.answered(flight, int(size), drained_at if self.drains else None, self.now)


def use_of(link, secs, **how):
    """Share of the link that is used during the next seconds."""
    before, since = link.delivered, link.now
    link.send(secs, **how)
    return (link.delivered - before) / (link.bandwidth * (link.now - since))


@pytest.mark.parametrize("drains", [True, False])
@pytest.mark.parametrize("latency", [0.01, 0.4])
@pytest.mark.parametrize("bandwidth", [8_000, 16_000, 64_000, 256_000, 1_250_000])
def test_steady_link_is_used_and_its_queue_is_short(bandwidth, latency, drains):
    link = Link(bandwidth, latency, drains=drains)
    link.send(60)
    link.longest = 0.0
    assert use_of(link, 120) > 0.9
    assert link.longest < 2 * MAX_QUEUE_SECS + 4 * latency


def test_far_and_fast_link_carries_many_requests():
    link = Link(12_500_000, 0.1)
    link.send(10)
    assert use_of(link, 30, max_request=140_000) > 0.8
    assert link.limits.status(link.now).max_requests > 8


def test_near_and_thin_link_carries_few_requests():
    link = Link(8_000, 0.01)
    link.send(120)
    assert len(link.flights) <= 3
    assert max(link.sizes[-20:]) < 2 * MAX_QUEUE_SECS * 8_000


def test_first_request_is_small():
    assert AdaptiveConcurrency(16).request_bytes == FIRST_BANDWIDTH


@pytest.mark.parametrize("factor", [0.1, 10])
def test_link_that_changes_tenfold_is_used_again_within_30_secs(factor):
    link = Link(100_000, 0.05)
    link.send(60)
    link.bandwidth *= factor
    link.send(30)
    link.longest = 0.0
    assert use_of(link, 60) > 0.85
    assert link.longest < 2 * MAX_QUEUE_SECS + 1


@pytest.mark.parametrize("secs", [5, 20])
def test_distant_endpoint_keeps_its_requests_in_flight(secs):
    link = Link(5_000_000, 0.02)
    link.send(10, max_request=140_000)
    link.latency = secs
    link.send(20 * secs, max_request=140_000)
    before = len(link.sizes)
    link.send(10 * secs, max_request=140_000)
    assert (len(link.sizes) - before) / 10 >= 4


@pytest.mark.parametrize("secs", [5, 20])
def test_thin_link_to_a_slow_endpoint_is_used(secs):
    link = Link(64_000, 0.05)
    link.send(60, max_request=140_000)
    link.latency = secs
    link.send(30 + 3 * secs, max_request=140_000)
    assert use_of(link, 120, max_request=140_000) > 0.8


def test_endpoint_that_queues_gets_fewer_requests():
    link = Link(5_000_000, 0.02, serial=True)
    link.send(10, max_request=140_000)
    link.latency = 3
    link.send(200, max_request=140_000)
    link.longest = 0.0
    link.send(100, max_request=140_000)
    assert link.longest < 25


def test_recovered_endpoint_is_used_in_full_within_30_secs():
    link = Link(5_000_000, 0.02)
    link.send(10)
    link.latency = 20
    link.send(200)
    link.latency = 0.02
    link.send(30)
    assert use_of(link, 10) > 0.8


def test_time_out_halves_the_limits():
    limits = AdaptiveConcurrency(16)
    before = limits.request_bytes, limits.max_requests
    flight = limits.started(1000, 0.0, "stream")
    assert limits.failed(flight, 30.0, outcome_unknown=True)
    assert (limits.request_bytes, limits.max_requests) == (before[0] // 2, before[1] // 2)
    assert (limits.timeouts, limits.outcome_unknown) == (1, 1)


def test_request_that_is_refused_at_once_is_no_time_out():
    limits = AdaptiveConcurrency(16)
    before = limits.request_bytes, limits.max_requests
    assert limits.failed(limits.started(1000, 0.0, "stream"), 0.1, outcome_unknown=False)
    assert (limits.request_bytes, limits.max_requests, limits.timeouts) == (*before, 0)


def test_time_outs_without_end_leave_a_smallest_request():
    limits = AdaptiveConcurrency(16)
    for now in range(100):
        limits.failed(limits.started(1000, 100.0 * now, None), 100.0 * now + 30, outcome_unknown=True)
    assert limits.request_bytes == MIN_REQUEST_BYTES
    assert limits.max_requests == 1
    assert limits.has_room(None, 1e6)


def test_time_out_of_one_request_among_answered_ones_changes_nothing():
    limits = AdaptiveConcurrency(16)
    hung = limits.started(1000, 0.0, "hung")
    limits.answered(limits.started(1000, 1.0, "other"), 1000, 1.1, 1.2)
    before = limits.request_bytes, limits.max_requests
    assert not limits.failed(hung, 30.0, outcome_unknown=True)
    assert (limits.request_bytes, limits.max_requests) == before


def test_requests_that_hang_let_one_of_another_stream_pass():
    limits = AdaptiveConcurrency(16)
    while limits.has_room("hung", 0.0):
        limits.started(limits.request_bytes, 0.0, "hung")
    late = OVERDUE_SECS + 1
    assert not limits.has_room("other", 1.0)
    assert not limits.has_room("hung", late)
    assert limits.has_room("other", late)
    limits.started(1000, late, "other")
    assert not limits.has_room("third", late)


def test_fast_answers_are_no_reason_for_an_experiment():
    limits = AdaptiveConcurrency(16)
    for now in range(50):
        flight = limits.started(1000, float(now), None)
        limits.answered(flight, 1000, now + 0.01, now + 0.01 + SLOW_ANSWER_SECS / 2)
    assert limits.max_requests >= 4


def test_window_of_a_very_fast_link_is_bounded():
    link = Link(10_000_000_000, 0.1)
    link.send(5)
    assert link.limits.window_bytes == MAX_WINDOW_BYTES
    assert link.limits.request_bytes <= MAX_WINDOW_BYTES // 2
