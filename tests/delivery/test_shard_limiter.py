import pytest

from bridge.delivery.shard_limiter import ShardLimiter
from bridge.delivery.shard_rate import START_SHARE
from bridge.delivery.token_bucket import BYTES_PER_SEC, RECORDS_PER_SEC
from tests.delivery.shard_simulation import bridges, run


def limiter(random_share=0.5):
    return ShardLimiter(lambda: random_share, None)


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
        now += 5.0
    assert pauses == sorted(pauses)
    assert pauses[0] < pauses[-1] <= 2.0


def test_refusals_lower_the_rate_in_proportion():
    few, many = limiter(), limiter()
    for made, refused in ((few, 5), (many, 50)):
        for step in range(30):
            now = step * 0.1
            made.consume("s", 100, 10_000, now)
            made.on_results("s", [(100, True)] * (100 - refused) + [(100, False)] * refused, now, now)
    rate = {name: made.snapshot(3.0)["s"].records_per_sec for name, made in (("few", few), ("many", many))}
    assert rate["many"] < rate["few"]


def test_status_reports_rate_and_refused_fraction():
    made = limiter()
    made.consume("s", 4, 400, 0.0)
    made.on_results("s", [(100, True), (100, False), (100, True), (100, True)], 0.1, 0.0)
    status = made.snapshot(0.1)["s"]
    assert status.refused == 0.25
    assert status.records_per_sec <= RECORDS_PER_SEC


def test_shards_that_are_not_retained_are_forgotten():
    made = limiter()
    made.consume("a", 1, 1, 0.0)
    made.consume("b", 1, 1, 0.0)
    made.retain({"b"})
    assert list(made.snapshot(0.0)) == ["b"]


def test_lone_bridge_uses_the_complete_shard():
    shard, made = bridges(1)
    _, _, now = run(shard, made, 10)
    (rate,), refused, _ = run(shard, made, 20, now)
    assert rate > 0.95 * RECORDS_PER_SEC
    assert refused < 0.02


@pytest.mark.parametrize("fraction", [0.01, 0.1, 0.5])
def test_random_refusals_cost_hardly_more_than_their_fraction(fraction):
    shard, made = bridges(1, refused_at_random=fraction)
    _, _, now = run(shard, made, 20)
    (rate,), _, _ = run(shard, made, 30, now)
    assert rate > (1 - fraction - 0.1) * RECORDS_PER_SEC


@pytest.mark.parametrize("count", [2, 10, 40])
def test_bridges_that_share_a_shard_use_it_with_little_waste(count):
    shard, made = bridges(count, spread_secs=2.0)
    _, _, now = run(shard, made, 60)
    rates, refused, _ = run(shard, made, 60, now)
    assert sum(rates) > 0.9 * RECORDS_PER_SEC
    assert refused < 0.12


def test_shard_whose_limit_comes_back_is_used_in_full_within_30_secs():
    shard, made = bridges(1)
    _, _, now = run(shard, made, 20)
    shard.records_per_sec = 100
    (rate,), _, now = run(shard, made, 60, now)
    assert rate > 80
    shard.records_per_sec = RECORDS_PER_SEC
    _, _, now = run(shard, made, 30, now)
    (rate,), _, _ = run(shard, made, 10, now)
    assert rate > 0.9 * RECORDS_PER_SEC
