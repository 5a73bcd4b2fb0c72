import pytest

from bridge.delivery.shard_map_refresh import DENIED_PAUSE_SECS, NEVER, ShardMapRefresh


@pytest.fixture
def refresh():
    refresh = ShardMapRefresh()
    refresh.request()
    return refresh


def test_shards_are_not_listed_before_they_are_requested():
    refresh = ShardMapRefresh()
    assert refresh.next_at is None
    assert not refresh.start(0.0)


def test_request_is_due_at_once_and_started_once(refresh):
    assert refresh.next_at == NEVER
    assert refresh.start(5.0)
    assert refresh.started_at == 5.0
    assert refresh.next_at is None
    assert not refresh.start(5.0)


def test_request_after_a_success_waits_a_second(refresh):
    refresh.start(5.0)
    refresh.succeeded(5.2)
    assert refresh.next_at is None
    refresh.request()
    assert refresh.next_at == 6.2
    assert not refresh.start(6.1)
    assert refresh.start(6.2)


def test_stale_listings_are_repeated_with_growing_pauses(refresh):
    pauses = []
    for _ in range(17):
        assert refresh.start(0.0 if refresh.next_at == NEVER else refresh.next_at)
        refresh.retry(refresh.started_at)
        pauses.append(refresh.next_at - refresh.started_at)
    assert pauses == [1.0] * 10 + [2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_news_shorten_the_pauses_again(refresh):
    for _ in range(14):
        refresh.retry(0.0)
    refresh.request(urgent=True)
    assert refresh.next_at == 16.0
    refresh.start(16.0)
    refresh.retry(16.0)
    assert refresh.next_at == 17.0


def test_success_shortens_the_pauses_again(refresh):
    for _ in range(14):
        refresh.retry(0.0)
    refresh.succeeded(50.0)
    refresh.request()
    refresh.retry(60.0)
    assert refresh.next_at == 61.0


def test_failure_is_repeated_like_a_stale_listing(refresh):
    refresh.start(0.0)
    refresh.failed(3.0, denied=False)
    assert not refresh.denied
    assert refresh.next_at == 4.0


def test_listing_that_is_denied_is_seldom_requested(refresh):
    refresh.start(0.0)
    refresh.failed(0.0, denied=True)
    assert refresh.denied
    refresh.request(urgent=True)
    assert refresh.next_at == DENIED_PAUSE_SECS
    assert refresh.start(DENIED_PAUSE_SECS)
    refresh.succeeded(DENIED_PAUSE_SECS)
    assert not refresh.denied
