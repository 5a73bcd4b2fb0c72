import pytest

from bridge.aws.transport.measurement import RequestProgress
from bridge.delivery.adaptive_concurrency import (
    MAX_QUEUE_SECS,
    MAX_WINDOW_BYTES,
    MIN_REQUEST_BYTES,
    OVERDUE_SECS,
    AdaptiveConcurrency,
)
from bridge.delivery.answer_latency import SLOW_ANSWER_SECS
from bridge.delivery.link_bandwidth import FIRST_BANDWIDTH
from tests.delivery.simulated_link import SimulatedLink


def progress(limits, flight, share, now):
    """Note that this share of a request has left, as the kernel reports."""
    flight.progressed(RequestProgress(flight.size, int(share * flight.size), drained=share == 1), now)
    if share == 1:
        limits.drained(flight, now)


def fill(limits, owner=None, now=0.0):
    """Start requests until there is no room, and return their flights."""
    flights = []
    while limits.has_room(owner, now):
        flights.append(limits.started(limits.request_bytes, now, owner))
    return flights


@pytest.mark.parametrize("drains", [True, False])
@pytest.mark.parametrize("latency", [0.01, 0.4])
@pytest.mark.parametrize("bandwidth", [8_000, 16_000, 64_000, 256_000, 1_250_000])
def test_steady_link_is_used_and_its_queue_is_short(bandwidth, latency, drains):
    link = SimulatedLink(bandwidth, latency, drains=drains)
    link.send(60)
    link.longest = 0.0
    # Requests that leave together are answered together. Without the kernel's report, the link is idle between them.
    assert link.use(120) > (0.95 if drains or latency < 0.1 else 0.75)
    assert link.longest < 2 * MAX_QUEUE_SECS + 4 * latency


def test_link_that_is_far_and_fast_carries_many_requests():
    link = SimulatedLink(12_500_000, 0.1)
    link.send(10)
    # In this simulation, requests that start together leave together, and the link is idle until they are answered.
    assert link.use(30, max_request=140_000) > 0.65
    assert link.limits.status(link.now).max_requests > 8


def test_link_that_is_near_and_thin_carries_few_requests():
    link = SimulatedLink(8_000, 0.01)
    link.send(120)
    assert link.requests <= 3
    assert max(link.sizes[-20:]) < 2 * MAX_QUEUE_SECS * 8_000


def test_first_request_is_small():
    assert AdaptiveConcurrency(16).request_bytes == FIRST_BANDWIDTH


@pytest.mark.parametrize("factor", [0.1, 10])
def test_link_that_changes_tenfold_is_used_again_within_30_secs(factor):
    link = SimulatedLink(100_000, 0.05)
    link.send(60)
    link.bandwidth *= factor
    link.send(30)
    link.longest = 0.0
    assert link.use(60) > 0.85
    assert link.longest < 2 * MAX_QUEUE_SECS + 1


@pytest.mark.parametrize("bandwidth", [64_000, 128_000])
def test_thin_link_is_used_again_after_three_slow_answers(bandwidth):
    link = SimulatedLink(bandwidth, 0.04)
    link.send(60)
    link.latency = 5
    link.send(15)
    assert link.use(120) > 0.9
    link.latency = 20
    link.send(60)
    assert link.use(120) > 0.9
    assert link.longest < 30


@pytest.mark.parametrize("secs", [5, 20])
def test_endpoint_that_recovers_is_used_in_full_at_once(secs):
    link = SimulatedLink(64_000, 0.04)
    link.latency = secs
    link.send(200)
    link.latency = 0.04
    link.send(5)
    assert link.use(25) > 0.95
    link.send(30)
    link.longest = 0.0
    assert link.use(60) > 0.95
    assert link.longest < 2 * MAX_QUEUE_SECS


def test_recovered_endpoint_is_used_in_full_within_30_secs():
    link = SimulatedLink(5_000_000, 0.02)
    link.send(10)
    link.latency = 20
    link.send(200)
    link.latency = 0.02
    link.send(30)
    assert link.use(10) > 0.8


@pytest.mark.parametrize("secs", [5, 20])
def test_distant_endpoint_keeps_its_requests_in_flight(secs):
    link = SimulatedLink(5_000_000, 0.02)
    link.send(10, max_request=140_000)
    link.latency = secs
    link.send(20 * secs, max_request=140_000)
    before = len(link.sizes)
    link.send(10 * secs, max_request=140_000)
    assert (len(link.sizes) - before) / 10 >= 8


@pytest.mark.parametrize("bandwidth", [64_000, 5_000_000])
def test_endpoint_that_serves_one_after_the_other_gets_fewer_requests(bandwidth):
    link = SimulatedLink(bandwidth, 0.02, serial=True)
    link.send(10, max_request=140_000)
    link.latency = 3
    link.send(200, max_request=140_000)
    link.longest = 0.0
    link.send(100, max_request=140_000)
    assert link.longest < 25


def test_serial_endpoint_gets_no_more_than_it_serves_in_time():
    link = SimulatedLink(64_000, 0.02, serial=True)
    link.send(30)
    link.latency = 3
    link.send(300)
    assert link.longest < 30


def test_proxy_gets_little_more_than_the_link_behind_it():
    link = SimulatedLink(64_000, 0.4, proxy=True)
    link.send(60)
    link.longest = 0.0
    assert link.use(120) > 0.85
    assert link.longest < 2 * MAX_QUEUE_SECS


def test_requests_leave_one_after_the_other():
    limits = AdaptiveConcurrency(16)
    earlier = limits.started(1_000, 0.0, None)
    progress(limits, earlier, 1, 0.1)
    limits.answered(earlier, 1_000, 0.2)
    first, second = fill(limits, now=1.0)[:2]
    assert not limits.has_room(None, 1.5)
    progress(limits, first, 0.5, 1.5)
    progress(limits, second, 0.5, 1.5)
    assert limits.has_room(None, 1.5)


def test_age_of_a_request_that_has_left_shows_a_slow_endpoint():
    limits = AdaptiveConcurrency(16)
    limits.answered(limits.started(32_000, 0.0, None), 32_000, 1.0)
    flight = limits.started(32_000, 1.0, None)
    progress(limits, flight, 1, 2.0)
    limits.started(32_000, 2.0, None)
    assert limits.has_room(None, 2.9)
    limits.started(32_000, 2.9, None)
    assert not limits.has_room(None, 2.9)
    assert limits.status(2.9).answer_secs < 1
    limits.has_room(None, 5.0)
    assert limits.status(5.0).answer_secs == 3.0


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
    limits.answered(limits.started(1000, 1.0, "other"), 1000, 1.2)
    before = limits.request_bytes, limits.max_requests
    assert not limits.failed(hung, 30.0, outcome_unknown=True)
    assert (limits.request_bytes, limits.max_requests) == before


def test_requests_that_hang_let_one_of_another_stream_pass():
    limits = AdaptiveConcurrency(16)
    fill(limits, "hung")
    late = OVERDUE_SECS + 1
    assert not limits.has_room("other", 1.0)
    assert not limits.has_room("hung", late)
    assert limits.has_room("other", late)
    limits.started(1000, late, "other")
    assert not limits.has_room("third", late)


def test_hanging_requests_leave_the_window_to_later_ones():
    limits = AdaptiveConcurrency(16)
    for flight in fill(limits, "hung"):
        progress(limits, flight, 1, 1.0)
    limits.answered(limits.started(1000, 2.0, "other"), 1000, 2.1)
    assert len(fill(limits, "other", 3.0)) >= 2


def test_requests_that_hang_never_exceed_the_cap():
    limits = AdaptiveConcurrency(4)
    for now in range(1, 10):
        for flight in fill(limits, now=float(now)):
            progress(limits, flight, 1, now + 0.5)
        assert limits.requests <= 4


def test_fast_answers_are_no_reason_for_an_experiment():
    limits = AdaptiveConcurrency(16)
    for now in range(50):
        flight = limits.started(1000, float(now), None)
        limits.answered(flight, 1000, now + 0.01 + SLOW_ANSWER_SECS / 2)
    assert limits.max_requests >= 4


def test_window_of_a_very_fast_link_is_bounded():
    link = SimulatedLink(10_000_000_000, 0.1)
    link.send(5)
    assert link.limits.window_bytes == MAX_WINDOW_BYTES
    assert link.limits.request_bytes <= MAX_WINDOW_BYTES // 2


@pytest.mark.parametrize("drains", [True, False])
def test_bytes_in_flight_exceed_the_window_by_one_request(drains):
    link = SimulatedLink(10_000_000_000, 0.1, drains=drains)
    link.send(5)
    *first, last = fill(link.limits, now=link.now)
    assert first
    assert sum(flight.size for flight in first) <= MAX_WINDOW_BYTES
    assert sum(flight.size for flight in [*first, last]) > MAX_WINDOW_BYTES // 2
    assert not link.limits.has_room(None, link.now)


def test_link_that_answers_nothing_is_not_the_limit():
    limits = AdaptiveConcurrency(1)
    flight, *_ = fill(limits)
    limits.waited(1.0)
    assert limits.limited_secs(90.0) == 0.0
    limits.answered(flight, flight.size, 100.0)
    # The request had to wait for this answer.
    fill(limits, now=100.0)
    assert limits.limited_secs(300.0) == 99.0
