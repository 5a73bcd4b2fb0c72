"""The limits of one shard, and what its responses change."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.delivery.common_pause import PERIOD_SECS
from bridge.delivery.limited_shard import LimitedShard
from bridge.delivery.shard_rate import START_SHARE
from bridge.delivery.token_bucket import BYTES_PER_SEC, RECORDS_PER_SEC

REFUSED, ACCEPTED = (100, False), (100, True)


def shard(random_share=0.0):
    return LimitedShard(0.0, lambda: random_share)


def answer(made, outcomes, now, latency_secs=0.1):
    """Send a request and pass its results to the shard."""
    made.fill(now - latency_secs)
    made.consume(len(outcomes), sum(size for size, _ in outcomes), now - latency_secs)
    made.fill(now)
    if all(accepted for _, accepted in outcomes):
        made.on_accepted(len(outcomes), sum(size for size, _ in outcomes), now, now - latency_secs)
    else:
        made.on_results(outcomes, now, now - latency_secs)


def test_shard_without_requests_has_no_figures():
    assert shard().rates(5.0) == (START_SHARE, 0.0, 0.0, 0.0, None)
    assert shard().available == (RECORDS_PER_SEC * START_SHARE, BYTES_PER_SEC * START_SHARE)


def test_shard_counts_what_it_accepted_and_refused():
    made = shard()
    answer(made, [ACCEPTED] * 60 + [REFUSED] * 40, 1.0)
    _, accepted, sent, refused, ago = made.rates(3.0)
    assert accepted > 0
    assert refused == pytest.approx(sent * 0.4)
    assert ago == 2.0


@pytest.mark.parametrize("random_share", [0.0, 1.0])
def test_shard_that_refuses_all_backs_off_for_longer_each_time(random_share):
    made, pauses, now = shard(random_share), [], 1.0
    for _ in range(8):
        answer(made, [REFUSED] * 10, now)
        pauses.append(made.backoff_secs(now))
        assert made.available[0] <= 0
        now += 3.0
    longest = 2.0 * (1 - random_share / 2)
    assert pauses == pytest.approx([min(longest, 0.1 * (1 - random_share / 2) * 2**n) for n in range(8)])


@pytest.mark.parametrize("outcomes", [[ACCEPTED] * 10, [ACCEPTED] + [REFUSED] * 9])
def test_shard_that_accepts_a_record_begins_with_the_shortest_back_off(outcomes):
    made = shard()
    for now in (1.0, 4.0, 7.0):
        answer(made, [REFUSED] * 10, now)
    answer(made, outcomes, 10.0)
    assert made.backoff_secs(10.0) == 0.0
    answer(made, [REFUSED] * 10, 13.0)
    assert made.backoff_secs(13.0) == pytest.approx(0.1)


def test_shard_that_refuses_at_random_does_not_back_off():
    made = shard()
    for step in range(1, 60):
        answer(made, [ACCEPTED, REFUSED, REFUSED, REFUSED, ACCEPTED] * 4, step * 0.2)
    answer(made, [REFUSED], 12.0)
    assert made.backoff_secs(12.0) == 0.0


def test_shard_without_responses_for_a_minute_restarts_its_rate():
    made = shard()
    for step in range(1, 400):
        answer(made, [ACCEPTED] * 100, step * 0.1)
    fast = made.rate.share
    assert fast > START_SHARE
    made.fill(39.9 + 59.9)
    assert made.rate.share == fast
    made.fill(39.9 + 60.1)
    assert made.rate.share == START_SHARE


def congested(latency_secs=0.1):
    """Return a shard that refused records because it was full, at second 19."""
    made = shard(0.5)
    for step in range(5):
        answer(made, [ACCEPTED] * 50 + [REFUSED] * 50, 18.2 + step * 0.2, latency_secs)
    return made


def test_shard_that_is_congested_pauses_with_all_other_bridges():
    pause_secs = partial(congested().pause_secs, now=19.5)
    assert pause_secs(PERIOD_SECS * 5 + 0.1) > 1.0
    assert pause_secs(PERIOD_SECS * 5 + 10.0) == 0.0


def test_shard_does_not_pause_without_congestion_or_a_common_clock():
    wall = PERIOD_SECS * 5 + 0.1
    assert shard().pause_secs(wall, 19.5) == 0.0
    assert congested().pause_secs(None, 19.5) == 0.0
    assert congested().pause_secs(wall, 19.5 + 30.0) == 0.0
    assert congested(latency_secs=3.0).pause_secs(wall, 19.5) == 0.0


def test_shard_sends_one_sample_after_the_pause():
    made = congested()
    made.fill(19.5)
    pause = made.pause_secs(PERIOD_SECS * 5 + 0.1, 19.5)
    made.fill(19.5 + pause)
    assert made.pause_secs(PERIOD_SECS * 5 + 0.1 + pause, 19.5 + pause) == 0.0
    records, size = made.available
    assert 0 < records < RECORDS_PER_SEC * 0.3
    made.consume(records, size, 19.5 + pause)
    assert made.pause_secs(PERIOD_SECS * 5 + 0.2 + pause, 19.6 + pause) > 0.0


@given(
    st.lists(
        st.tuples(
            st.floats(0.0, 90.0),
            st.floats(0.0, 5.0),
            st.lists(st.tuples(st.integers(0, 10 << 20), st.booleans()), min_size=1, max_size=20),
        ),
        max_size=12,
    )
)
def test_shard_after_any_responses_has_finite_limits(responses):
    made, now = shard(0.5), 0.0
    for pause, latency, outcomes in responses:
        now += pause + latency
        answer(made, outcomes, now, latency)
        share, *figures, _ = made.rates(now)
        assert 0 < share <= 1
        assert all(0 <= figure < 1e9 for figure in figures)
        assert 0 <= made.backoff_secs(now) <= 2.0
    made.fill(now + 3600.0)
    assert min(made.available) > 0
