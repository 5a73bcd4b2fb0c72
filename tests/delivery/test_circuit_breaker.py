from bridge.backoff import Backoff
from bridge.delivery.circuit_breaker import Pacing

BACKOFF = Backoff(1.0, 30.0)


def test_nothing_waits_while_all_is_well():
    assert Pacing(BACKOFF).wait_secs(0.0, in_flight=3) == 0.0


def test_after_a_failure_all_wait_and_then_one_probes():
    pacing = Pacing(BACKOFF)
    pacing.failed(pacing.epoch, now=10.0)
    assert 0.5 <= pacing.wait_secs(10.0, in_flight=0) <= 1.0
    assert pacing.wait_secs(11.0, in_flight=0) == 0.0
    assert pacing.wait_secs(11.0, in_flight=1) > 0


def test_requests_that_fail_together_count_once():
    pacing = Pacing(BACKOFF)
    for _ in range(4):
        pacing.failed(0, now=0.0)
    assert pacing.failures == 1


def test_an_answer_frees_the_way():
    pacing = Pacing(BACKOFF)
    pacing.failed(0, now=0.0, pause_secs=30.0)
    assert pacing.wait_secs(1.0, 0) == 29.0
    pacing.answered()
    assert pacing.wait_secs(1.0, 0) == 0.0
