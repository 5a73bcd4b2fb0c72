import pytest

from bridge.delivery.shard_limiter import BURST_SECS, BYTES_PER_SEC, RECORDS_PER_SEC, Rates


def spent(secs, records, size):
    """What goes through one shard in that time, in requests of so many records and bytes as soon as there is room."""
    rates, now, sent = Rates(), 0.0, 0
    while now < secs:
        if min(rates.room("a", now)) > 0:
            rates.spend("a", records, size, now)
            sent += records
        now += 0.001
    return sent


def test_a_shard_is_given_a_thousand_records_a_second():
    assert spent(10, 10, 100) == pytest.approx((10 + BURST_SECS) * RECORDS_PER_SEC, rel=0.01)


def test_a_shard_is_given_a_mebibyte_a_second():
    assert spent(10, 1, 25_600) * 25_600 == pytest.approx((10 + BURST_SECS) * BYTES_PER_SEC, rel=0.01)


def test_what_is_overdrawn_is_waited_for():
    rates = Rates()
    rates.spend("a", 1, BYTES_PER_SEC, 0.0)
    assert rates.room("a", 0.0)[1] < 0
    assert rates.wait_secs("a", 0.0) == pytest.approx(0.5, abs=0.01)
    assert rates.room("a", 0.51)[1] > 0


def test_shards_do_not_share():
    rates = Rates()
    rates.spend("a", 5000, 1, 0.0)
    assert min(rates.room("b", 0.0)) > 0
    assert rates.wait_secs("b", 0.0) == 0


def test_a_shard_that_throttles_is_left_alone_longer_each_time():
    rates, now, waits = Rates(), 0.0, []
    for _ in range(8):
        rates.throttled("a", now)
        assert rates.room("a", now) == (0, 0)
        waits.append(rates.wait_secs("a", now))
        now += waits[-1] + 0.001
    assert [round(wait, 3) for wait in waits] == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0]


def test_refusals_of_one_moment_count_once():
    rates = Rates()
    for _ in range(50):
        rates.throttled("a", 0.0)
    assert rates.wait_secs("a", 0.0) == pytest.approx(0.1)


def test_after_an_acceptance_the_pause_is_short_again():
    rates = Rates()
    for now in (0.0, 1.0, 2.0, 3.0):
        rates.throttled("a", now)
    rates.accepted("a")
    rates.throttled("a", 10.0)
    assert rates.wait_secs("a", 10.0) == pytest.approx(0.1)


def test_where_others_write_too_the_rate_falls_and_rises_again():
    rates = Rates()
    for second in range(10):
        rates.throttled("a", second * 2.0)
        rates.accepted("a")
    waits = []
    for now in (20.0, 100.0):
        left, _ = rates.room("a", now)
        rates.spend("a", left + 1000, 0, now)
        waits.append(rates.wait_secs("a", now))
    assert waits[0] > 1.5 * waits[1]
    assert waits[1] == pytest.approx(1.0, abs=0.01)
