from bridge.delivery.shard_limiter import ShardLimiter
from bridge.delivery.shard_rate import START_SHARE
from bridge.delivery.token_bucket import BYTES_PER_SEC, RECORDS_PER_SEC
from tests.delivery.simulated_shards import measurement


def limiter(random_share=0.5):
    return ShardLimiter(lambda: random_share)


def test_new_shard_starts_with_a_part_of_its_limit():
    assert limiter().available("s", 0.0) == (RECORDS_PER_SEC * START_SHARE, BYTES_PER_SEC * START_SHARE)


def test_consumed_tokens_come_back_with_time():
    made = limiter()
    records, size = made.available("s", 0.0)
    made.consume("s", records, size, 0.0)
    assert min(made.available("s", 0.0)) <= 0
    assert made.secs_until_available("s", 0.0) > 0
    assert made.available("s", 0.5)[0] >= records // 3


def test_large_record_is_paid_for_afterwards():
    made = limiter()
    made.consume("s", 1, 10 * BYTES_PER_SEC, 0.0)
    assert made.available("s", 5.0)[1] <= 0
    assert made.available("s", 60.0)[1] > 0


def test_exhausted_shard_has_no_tokens():
    made = limiter()
    made.exhaust("s", 0.0)
    assert min(made.available("s", 0.0)) <= 0
    assert made.available("s", 0.5)[0] > 0


def test_shards_have_limits_of_their_own():
    made = limiter()
    made.exhaust("a", 0.0)
    assert min(made.available("b", 0.0)) > 0


def test_refused_request_pauses_its_shard_for_longer_each_time():
    made, pauses, now = limiter(), [], 0.0
    for _ in range(3):
        made.consume("s", 10, 1000, now)
        made.on_results("s", [(100, False)] * 10, now, now)
        pauses.append(made.secs_until_available("s", now))
        now += 2.5
    assert pauses == sorted(pauses)
    assert pauses[0] < pauses[-1] <= 2.0


def test_refusals_lower_the_rate_in_proportion():
    few, many = limiter(), limiter()
    for made, refused in ((few, 5), (many, 50)):
        for step in range(30):
            now = step * 0.1
            made.consume("s", 100, 10_000, now)
            made.on_results("s", [(100, True)] * (100 - refused) + [(100, False)] * refused, now, now)
    assert many.available("s", 60.0)[0] < few.available("s", 60.0)[0]  # the tokens of one second


def test_shards_that_are_not_retained_are_forgotten():
    made = limiter()
    made.consume("a", 1, 1, 0.0)
    made.consume("b", 1, 1, 0.0)
    made.retain({"b"})
    assert made.available("a", 0.0)[0] == RECORDS_PER_SEC * START_SHARE
    assert made.available("b", 0.0)[0] == RECORDS_PER_SEC * START_SHARE - 1


def synchronised():
    """Return a limiter that knows the service's time: the local clock is 0 at the start of a period of the pause."""
    made = limiter()
    for second in range(60):
        made.clock.observe(measurement(second, second - 0.1, second + 0.1))
        made.clock.observe(measurement(second, second + 0.8, second + 0.9))
    return made


def congest(made, now):
    made.consume("s", 100, 10_000, now)
    made.on_results("s", [(100, True)] * 50 + [(100, False)] * 50, now, now)


def test_pause_is_only_for_congested_shards():
    made = synchronised()
    congest(made, 59.0)
    assert made.available("s", 60.1) == (0, 0)
    assert 1.0 < made.secs_until_available("s", 60.1) < 2.3
    assert made.available("calm", 60.1)[0] > 0


def test_limiter_without_the_time_of_the_service_does_not_pause():
    made = limiter()
    congest(made, 59.0)
    assert made.available("s", 60.2)[0] > 0


def test_refused_samples_make_the_limiter_send_more():
    made = synchronised()
    for period in range(3, 6):
        congest(made, period * 20 - 1.0)
        made.available("s", period * 20.1)
        sampled_at = period * 20.1 + made.secs_until_available("s", period * 20.1) + 0.001
        records, size = made.available("s", sampled_at)
        assert records > 0
        made.consume("s", records, size, sampled_at)
        made.on_results("s", [(100, False)] * records, sampled_at + 0.1, sampled_at)
    assert made.secs_until_available("s", 110.0) < 0.1
