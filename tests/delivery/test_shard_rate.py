import pytest

from bridge.delivery.shard_rate import MIN_SHARE, START_SHARE, ShardRate, target_fraction


def grown(rate, begin, end, records_per_sec=0.0):
    """Return the share after growth in steps of 0.1 s, in which this number of records is accepted."""
    for tenth in range(1, round((end - begin) * 10) + 1):
        rate.on_accepted(records_per_sec / 10)
        rate.grow(begin + tenth / 10, used=True)
    return rate.share


def lowered_to(share, now=0.0):
    rate = ShardRate(now)
    rate.on_congested(1, 0.001, 0.0, now)
    rate.share = share
    return rate


def test_wanted_falls_with_the_share():
    assert target_fraction(1 / 40) == pytest.approx(0.072, abs=0.001)
    assert target_fraction(1 / 4) == pytest.approx(0.019, abs=0.001)
    assert target_fraction(1.0) == pytest.approx(0.0007)


def test_rate_starts_low_and_doubles_each_second():
    rate = ShardRate(0.0)
    assert rate.share == START_SHARE
    assert grown(rate, 0.0, 1.0) == pytest.approx(0.65, abs=0.05)
    assert grown(rate, 1.0, 3.0) == 1.0


def test_rate_that_is_not_used_does_not_grow():
    rate = ShardRate(0.0)
    rate.grow(10.0, used=False)
    rate.grow(10.1, used=True)
    assert rate.share < 0.3


def test_refused_record_lowers_the_rate_by_one_record_per_second():
    rate = lowered_to(0.5)
    rate.on_congested(20, 0.020, 0.0, 1.0)
    assert rate.share == pytest.approx(0.48)


def test_rate_stays_near_what_was_accepted_lately():
    rate = lowered_to(0.5)
    for _ in range(20):
        rate.on_congested(300, 0.300, 0.2, 1.0)
    assert rate.share == pytest.approx(0.18)


def test_request_refused_in_full_lowers_the_rate_by_a_third_at_most():
    rate = lowered_to(0.02)
    rate.on_congested(1, 1.0, 0.0, 1.0)
    assert rate.share == pytest.approx(0.013)


def test_rate_never_reaches_zero():
    rate = lowered_to(0.02)
    for second in range(100):
        rate.on_congested(100, 1.0, 0.0, second)
    assert rate.share == MIN_SHARE


def test_accepted_rate_above_the_share_does_not_raise_it():
    rate = lowered_to(0.1)
    rate.on_congested(1, 0.001, 0.9, 1.0)
    assert rate.share == pytest.approx(0.1)


@pytest.mark.parametrize("share", [0.025, 0.1, 0.25])
def test_rate_rests_where_refusals_are_as_expected(share):
    rate = lowered_to(share)
    for tenth in range(600):
        now = tenth / 10
        records = 100 * rate.share
        refused = records * target_fraction(share)
        rate.on_accepted(records)
        rate.grow(now, used=True)
        rate.on_congested(refused, refused / 1000, rate.share * 0.9, now)
    assert rate.share == pytest.approx(share, rel=0.05)


def test_rate_grows_fast_once_refusals_stay_away():
    rate = lowered_to(0.1)
    assert grown(rate, 0.0, 3.0, 100.0) < 0.12
    assert grown(rate, 3.0, 25.0, 100.0) == 1.0


def test_single_large_records_slow_the_increase_down():
    small, large = lowered_to(0.05), lowered_to(0.05)
    for second in range(10):
        large.on_congested(1, 0.5, 0.05, second)
    large.share = 0.05
    small.grow(10.0, used=True)
    large.grow(10.0, used=True)
    assert large.share - 0.05 < 0.5 * (small.share - 0.05)


def test_restart_forgets_a_high_rate_and_keeps_a_low_one():
    high, low = lowered_to(0.9), lowered_to(0.1)
    high.restart(100.0)
    low.restart(100.0)
    assert (high.share, low.share) == (START_SHARE, pytest.approx(0.1))
    assert grown(high, 100.0, 102.0) > 0.8
