import pytest

from bridge.delivery.token_bucket import TokenBucket, shard_secs


@pytest.mark.parametrize(
    ("records", "size", "secs"), [(1, 100, 0.001), (500, 100, 0.5), (1, 1 << 20, 1.0), (10, 1 << 19, 0.5)]
)
def test_shard_secs_is_the_larger_of_records_and_bytes(records, size, secs):
    assert shard_secs(records, size) == pytest.approx(secs)


def test_bucket_holds_one_second_of_its_share():
    bucket = TokenBucket(0.5, 0.0)
    bucket.fill(0.5, 100.0)
    assert bucket.available == (500, 1 << 19)


def test_bucket_fills_at_its_share_of_the_limit():
    bucket = TokenBucket(1.0, 0.0)
    bucket.take(1000, 1 << 20)
    bucket.fill(0.25, 2.0)
    assert bucket.available == (250, 1 << 18)


def test_bucket_overdrawn_waits_until_the_bytes_have_accrued():
    bucket = TokenBucket(1.0, 0.0)
    bucket.take(1, 3 << 20)
    assert bucket.secs_until_one(1.0) == pytest.approx(2.0, abs=0.001)
    assert bucket.secs_until_one(0.5) == pytest.approx(4.0, abs=0.001)
    bucket.fill(1.0, 2.01)
    assert min(bucket.available) > 0


def test_bucket_level_is_that_of_the_scarcer_tokens():
    bucket = TokenBucket(1.0, 0.0)
    bucket.take(100, 3 << 18)
    assert bucket.level_secs == pytest.approx(0.25)


def test_bucket_emptied_keeps_what_was_overdrawn():
    bucket = TokenBucket(1.0, 0.0)
    bucket.take(10, 2 << 20)
    bucket.empty()
    assert bucket.available == (0, -1 << 20)


def test_bucket_ignores_time_that_goes_back():
    bucket = TokenBucket(1.0, 10.0)
    bucket.take(500, 0)
    bucket.fill(1.0, 9.0)
    bucket.fill(1.0, 10.0)
    assert bucket.available[0] == 500
