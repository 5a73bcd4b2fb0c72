import random

from bridge.backoff import Backoff


class Highest(random.Random):
    def uniform(self, low, high):
        return high


def test_each_wait_is_twice_the_last_up_to_the_cap():
    backoff = Backoff(1.0, 60.0, random=Highest())
    assert [backoff.next() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_every_wait_is_jittered_between_half_and_all_of_it():
    waits = []
    for seed in range(200):
        backoff = Backoff(1.0, 60.0, attempts=3, random=random.Random(seed))
        waits.append(backoff.next())
    assert all(4.0 <= wait <= 8.0 for wait in waits)
    assert min(waits) < 4.5
    assert max(waits) > 7.5


def test_years_of_attempts_do_not_overflow():
    backoff = Backoff(1.0, 60.0, attempts=10_000_000, random=Highest())
    assert backoff.next() == 60.0


def test_success_begins_anew():
    backoff = Backoff(1.0, 60.0, attempts=5, random=Highest())
    backoff.reset()
    assert backoff.next() == 1.0


def test_when_exhausted_every_wait_is_the_longest_until_success():
    backoff = Backoff(1.0, 60.0, random=Highest())
    backoff.exhaust()
    assert [backoff.next() for _ in range(3)] == [60, 60, 60]
    backoff.reset()
    assert backoff.next() == 1
