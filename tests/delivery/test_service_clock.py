import random

import pytest

from bridge.delivery.service_clock import ServiceClock
from tests.delivery.simulated_shards import measurement

OFFSET = 1_700_000_000.4


def observe(clock, sent_at, latency=0.1):
    """Measurement of a request whose response the service wrote after half of the latency."""
    clock.observe(measurement(int(sent_at + latency / 2 + OFFSET), sent_at, sent_at + latency))


def test_clock_without_a_response_is_unknown():
    assert ServiceClock().time(5.0) is None


def test_clock_with_one_response_is_not_exact_enough():
    clock = ServiceClock()
    observe(clock, 10.0)
    assert clock.time(11.0) is None


def test_clock_with_many_responses_is_exact_to_a_round_trip():
    clock, moments = ServiceClock(), random.Random(1)
    for second in range(60):
        observe(clock, second + moments.random())
    assert clock.time(60.0) == pytest.approx(60.0 + OFFSET, abs=0.1)


def test_clock_ignores_responses_without_a_date():
    clock = ServiceClock()
    clock.observe(measurement(None, 1.0, 1.1))
    assert clock.time(1.1) is None


def test_clock_of_long_latencies_alone_is_unknown():
    clock, moments = ServiceClock(), random.Random(1)
    for second in range(60):
        observe(clock, second + moments.random(), latency=2.0)
    assert clock.time(60.0) is None


def test_clock_after_hours_without_a_response_is_unknown():
    clock, moments = ServiceClock(), random.Random(1)
    for second in range(60):
        observe(clock, second + moments.random())
    assert clock.time(600.0) is not None
    assert clock.time(10_000.0) is None


def test_clock_that_jumped_is_measured_again():
    clock, moments = ServiceClock(), random.Random(1)
    for second in range(60):
        observe(clock, second + moments.random())
    for second in range(60, 120):  # the machine was suspended, and the monotonic clock did not count it
        observed = second + moments.random()
        clock.observe(measurement(int(observed + OFFSET + 3600), observed - 0.05, observed + 0.05))
    assert clock.time(120.0) == pytest.approx(120.0 + OFFSET + 3600, abs=0.1)


def test_clock_follows_a_slow_drift():
    clock, moments = ServiceClock(), random.Random(1)
    for second in range(20_000):
        sent_at = second + moments.random()
        clock.observe(measurement(int(sent_at + OFFSET + second * 2e-5), sent_at - 0.02, sent_at + 0.02))
    assert clock.time(20_000.0) == pytest.approx(20_000 + OFFSET + 0.4, abs=0.1)
