import pytest

from bridge.backoff import Backoff
from bridge.delivery.circuit_breaker import CircuitBreaker

BACKOFF = Backoff(1.0, 30.0)


@pytest.mark.parametrize(("attempts", "secs"), [(1, 1.0), (2, 2.0), (5, 16.0), (6, 30.0), (10_000, 30.0)])
def test_waits_double_up_to_the_cap(attempts, secs):
    assert BACKOFF.secs(attempts, lambda: 0.0) == secs


def test_chance_takes_off_up_to_half():
    assert BACKOFF.secs(2, lambda: 1.0) == 1.0
    assert len({BACKOFF.secs(3) for _ in range(20)}) > 10


def test_circuit_breaker_without_failures_does_not_wait():
    assert CircuitBreaker(BACKOFF).wait_secs(0.0, in_flight=3) == 0.0


def test_failure_pauses_all_requests_and_then_one_probes():
    pacing = CircuitBreaker(BACKOFF)
    pacing.failed(pacing.generation, now=10.0)
    assert 0.5 <= pacing.wait_secs(10.0, in_flight=0) <= 1.0
    assert pacing.wait_secs(11.0, in_flight=0) == 0.0
    assert pacing.wait_secs(11.0, in_flight=1) > 0


def test_requests_that_fail_together_count_once():
    pacing = CircuitBreaker(BACKOFF)
    for _ in range(4):
        pacing.failed(0, now=0.0)
    assert pacing.failures == 1


def test_answer_frees_the_way():
    pacing = CircuitBreaker(BACKOFF)
    pacing.failed(0, now=0.0, pause_secs=30.0)
    assert pacing.wait_secs(1.0, 0) == 29.0
    pacing.answered()
    assert pacing.wait_secs(1.0, 0) == 0.0
