import pytest

from bridge.backoff import Backoff, Retries

BACKOFF = Backoff(1.0, 60.0)


@pytest.mark.parametrize(("attempts", "secs"), [(1, 1.0), (2, 2.0), (5, 16.0), (6, 32.0), (7, 60.0), (10_000, 60.0)])
def test_backoff_doubles_up_to_max_secs(attempts, secs):
    assert BACKOFF.secs(attempts, lambda: 0.0) == secs


def test_backoff_jitter_takes_off_up_to_half():
    assert BACKOFF.secs(4, lambda: 1.0) == 4.0
    waits = [BACKOFF.secs(4) for _ in range(200)]
    assert all(4.0 <= wait <= 8.0 for wait in waits)
    assert len(set(waits)) > 100


def test_retries_each_wait_is_twice_the_last():
    retries = Retries(BACKOFF, lambda: 0.0)
    assert [retries.next_secs() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_retries_years_of_attempts_do_not_overflow():
    retries = Retries(BACKOFF, lambda: 0.0)
    retries.attempts = 10_000_000
    assert retries.next_secs() == 60.0


def test_retries_after_reset_begin_from_first_secs():
    retries = Retries(BACKOFF, lambda: 0.0)
    retries.next_secs()
    retries.next_secs()
    retries.reset()
    assert retries.next_secs() == 1.0


def test_retries_exhausted_wait_longest_until_reset():
    retries = Retries(BACKOFF, lambda: 0.0)
    retries.exhaust()
    assert [retries.next_secs() for _ in range(3)] == [60, 60, 60]
    retries.reset()
    assert retries.next_secs() == 1
