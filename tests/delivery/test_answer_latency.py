import pytest

from bridge.delivery.answer_latency import SLOW_ANSWER_SECS, AnswerLatency, Load

ONE, TWO, FOUR = (Load(count * 100_000, count * 100_000) for count in (1, 2, 4))


@pytest.fixture
def slow():
    """An endpoint that became slow: an answer takes 5 s with one request ahead of it."""
    latency = AnswerLatency()
    latency.jump(5.0, ONE)
    return latency


def test_latency_falls_at_once():
    latency = AnswerLatency()
    latency.jump(20.0, ONE)
    latency.follow(0.1, 0.1, ONE)
    assert latency.secs == 0.1


def test_latency_rises_once_all_recent_answers_took_longer():
    latency = AnswerLatency()
    latency.follow(0.1, 0.1, ONE)
    for _ in range(7):
        latency.follow(0.15, 0.15, ONE)
    assert latency.secs == 0.1
    latency.follow(0.15, 0.15, ONE)
    assert latency.secs == 0.15


def test_upper_bound_lowers_the_latency_where_the_lower_one_is_not_known(slow):
    slow.follow(0.0, 2.0, ONE)
    assert slow.secs == 2.0


@pytest.mark.parametrize(("secs", "expected"), [(SLOW_ANSWER_SECS, False), (1.1, True)])
def test_answer_after_a_fast_one_is_slow_from_a_second_on(secs, expected):
    assert AnswerLatency().is_slow(secs) == expected


@pytest.mark.parametrize(("secs", "expected"), [(10.0, False), (10.1, True)])
def test_answer_of_a_slow_endpoint_is_slow_from_twice_the_latency_on(slow, secs, expected):
    assert slow.is_slow(secs) == expected


def test_load_is_proven_that_did_not_make_answers_slower(slow):
    assert slow.is_proven(ONE)
    assert not slow.is_proven(TWO)
    slow.follow(5.2, 5.2, TWO)
    assert slow.is_proven(TWO)
    assert slow.proven_bytes == TWO.in_flight


def test_load_that_makes_answers_slower_is_not_proven(slow):
    assert slow.grew_with_load(10.0, TWO)
    slow.follow(10.0, 10.0, TWO)
    assert not slow.is_proven(TWO)


@pytest.mark.parametrize(("secs", "expected"), [(7.0, False), (7.2, True)])
def test_latency_that_grows_by_less_than_half_of_the_load_is_no_queue(slow, secs, expected):
    assert slow.grew_with_load(secs, TWO) == expected


def test_queue_is_found_however_slowly_the_load_grows(slow):
    found = []
    for percent in range(100, 400, 5):
        load = Load(percent * 1_000, percent * 1_000)
        found.append(slow.grew_with_load(percent * 0.05, load))
        slow.follow(percent * 0.05, percent * 0.05, load)
    assert found[-1]
    assert not slow.is_proven(FOUR)


def test_distant_endpoint_is_proven_up_to_any_load(slow):
    for percent in range(100, 1_600, 5):
        slow.follow(5.0, 5.0, Load(percent * 1_000, percent * 1_000))
    assert slow.proven_bytes == 1_595_000


def test_fast_answers_are_no_queue():
    latency = AnswerLatency()
    latency.follow(0.1, 0.1, ONE)
    assert not latency.grew_with_load(0.9, FOUR)


def test_endpoint_that_became_faster_is_compared_with_its_new_latency(slow):
    slow.follow(1.5, 1.5, ONE)
    assert slow.grew_with_load(2.9, TWO)
