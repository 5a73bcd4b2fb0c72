from types import SimpleNamespace

import pytest

from bridge.delivery.shard_limiter import ShardLimiter
from bridge.delivery.shard_rate import START_SHARE
from bridge.delivery.shard_status import stream_shards
from bridge.kinesis.shard_map import HASHES, Shard

FIRST, SECOND = Shard("a", 0, HASHES // 2 - 1), Shard("b", HASHES // 2, HASHES - 1)


def status(limiter, now=0.0, waiting=(), deferred=()):
    known = SimpleNamespace(shards=(FIRST, SECOND), distribution="by_key", complete=True)
    accumulator = SimpleNamespace(shards=known, limiter=limiter, by_shard=lambda: list(waiting))
    return stream_shards("s", accumulator, SimpleNamespace(shard_ids=set(deferred)), now)


def test_shards_have_their_ranges_and_what_waits_for_them():
    stream = status(ShardLimiter(lambda: 0.5), waiting=[(SECOND, 7, 700)], deferred=["b"])
    first, second = stream.shards
    assert (stream.stream, stream.distribution, stream.complete) == ("s", "by_key", True)
    assert (first.first_hash, second.last_hash) == ("0", str(HASHES - 1))
    assert [(each.waiting, each.deferred) for each in stream.shards] == [(0, False), (7, True)]


def test_shard_without_any_request_has_the_rates_of_the_start():
    first = status(ShardLimiter(lambda: 0.5)).shards[0]
    assert (first.share, first.used_share, first.sent_per_sec, first.refused_secs_ago) == (START_SHARE, 0.0, 0.0, None)


def test_rates_of_a_shard_are_those_of_the_last_seconds():
    limiter = ShardLimiter(lambda: 0.5)
    for tenth in range(100):
        now = tenth / 10
        limiter.consume("a", 10, 1_000, now)
        limiter.on_accepted("a", 10, 1_000, now, now)
    first, second = status(limiter, 9.9).shards
    assert first.sent_per_sec == pytest.approx(100, rel=0.05)
    assert first.used_share == pytest.approx(0.1, rel=0.05)
    assert second.sent_per_sec == 0.0


def test_shard_that_is_full_has_refused_records_and_the_time_since():
    limiter = ShardLimiter(lambda: 0.5)
    for tenth in range(20):
        now = tenth / 10
        limiter.consume("a", 200, 20_000, now)
        limiter.on_results("a", [(100, number < 100) for number in range(200)], now, now)
    first = status(limiter, 4.9).shards[0]
    assert first.refused_per_sec > 0
    assert first.refused_secs_ago == pytest.approx(3.0)
