from bridge.delivery.concurrency import FAR_SECS, FIRST_WORKERS, Distance


def workers_after(latencies, *, others=31, throttled=False, most=32):
    distance = Distance(most)
    more = sum(distance.answered(latency, others, throttled=throttled) for latency in latencies)
    assert distance.workers - more == min(FIRST_WORKERS, most)
    return distance.workers


def test_a_long_way_takes_more_workers_one_by_one_up_to_the_most():
    assert workers_after([0.1] * 15) == FIRST_WORKERS
    assert workers_after([0.1] * 16) == FIRST_WORKERS + 1
    assert workers_after([0.1] * 200, most=16) == 16


def test_a_short_way_takes_no_more():
    assert workers_after([FAR_SECS / 2] * 200) == FIRST_WORKERS


def test_one_quick_answer_of_several_tells_that_the_way_is_short():
    assert workers_after([0.2, 0.3, 0.01, 0.4] * 50) == FIRST_WORKERS


def test_where_some_are_idle_no_more_are_wanted():
    assert workers_after([0.1] * 200, others=FIRST_WORKERS - 2) == FIRST_WORKERS
    assert workers_after([0.1] * 200, others=FIRST_WORKERS - 1) == FIRST_WORKERS + 1


def test_where_a_shard_takes_no_more_more_workers_are_of_no_use():
    assert workers_after([0.1] * 200, throttled=True) == FIRST_WORKERS


def test_fewer_than_the_first_can_be_all_there_are():
    assert workers_after([0.1] * 200, most=1) == 1
