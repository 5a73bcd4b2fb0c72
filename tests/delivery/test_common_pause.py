import pytest

from bridge.delivery.common_pause import END_SECS, PAUSE_SECS, PERIOD_SECS, SAMPLING_SECS, CommonPause

BEGIN = 1000 * PERIOD_SECS
SHARE = 0.1


def pause(random_share=0.5):
    return CommonPause(lambda: random_share)


def at_sample(share=SHARE, period=0):
    """Return a pause at the time of its sample, and this time."""
    made = pause(0.0)
    return made, sampled(made, share, period)


def sampled(made, share, period):
    now = period * PERIOD_SECS
    assert made.secs(share, now, BEGIN + now) == pytest.approx(PAUSE_SECS)
    assert made.secs(share, now + PAUSE_SECS, BEGIN + now + PAUSE_SECS) == 0
    assert made.sampling
    return now + PAUSE_SECS


def test_pause_outside_its_time_limits_nothing():
    made = pause()
    assert made.secs(SHARE, 0.0, BEGIN + END_SECS) == 0
    assert made.limit((7, 700)) == (7, 700)


@pytest.mark.parametrize("random_share", [0.0, 0.5, 0.99])
def test_sample_is_sent_at_a_random_moment_after_the_pause(random_share):
    assert pause(random_share).secs(SHARE, 0.0, BEGIN) == pytest.approx(PAUSE_SECS + SAMPLING_SECS * random_share)


def test_sample_carries_nearly_what_was_accepted_in_a_second():
    made, _ = at_sample(0.1)
    assert made.limit((3, 3)) == (80, int(0.08 * (1 << 20)))


def test_sample_of_a_large_share_is_limited():
    made, _ = at_sample(0.9)
    assert made.limit((3, 3))[0] == 300


def test_sample_of_a_bridge_pushed_aside_shrinks_slowly():
    made, now = at_sample(0.15)
    made.on_sent(120, 100, now)
    sampled(made, 0.01, period=1)
    assert made.limit((3, 3))[0] == 84


def test_sample_of_a_small_share_is_rare_instead_of_small():
    made, sizes = pause(0.5), []
    for period in range(300):
        now = period * PERIOD_SECS
        if made.secs(0.01, now, BEGIN + now) < END_SECS:
            later = now + PAUSE_SECS + SAMPLING_SECS / 2
            assert made.secs(0.01, later, BEGIN + later) == 0
            sizes.append(made.limit((0, 0))[0])
    assert set(sizes) == {70}
    assert sum(sizes) / 300 == pytest.approx(6, rel=0.2)  # records of 0.6 s a period


def test_sample_of_a_small_share_is_sent_each_period_while_contending():
    made = pause(0.0)
    for period in range(10):
        now = period * PERIOD_SECS
        assert made.secs(0.01, now, BEGIN + now, contending=True) == pytest.approx(PAUSE_SECS)
    later = now + PAUSE_SECS
    assert made.secs(0.01, later, BEGIN + later, contending=True) == 0
    assert made.limit((3, 3))[0] == pytest.approx(8, abs=1)


def test_bridge_sends_nothing_between_its_sample_and_the_end():
    made, now = at_sample()
    made.on_sent(50, 100, now)
    assert made.limit((0, 0))[0] == 30  # more records may be added to the same request
    later = now + 0.01
    assert made.secs(SHARE, later, BEGIN + later) == pytest.approx(END_SECS - later)
    assert not made.sampling
    assert made.secs(SHARE, END_SECS, BEGIN + END_SECS) == 0


def test_shard_congested_within_the_pause_is_not_sampled():
    made = pause(0.0)
    assert made.secs(SHARE, 0.5, BEGIN + 0.5) == pytest.approx(END_SECS - 0.5)
    assert not made.sampling


@pytest.mark.parametrize(("latency", "valid"), [(0.2, True), (1.5, False)])
def test_response_is_a_sample_only_in_time(latency, valid):
    made, now = at_sample()
    made.on_sent(10, 100, now)
    assert made.is_sample(now, now + latency) is valid
    assert not made.is_sample(now + 0.1, now + latency)


def test_pause_that_is_skipped_limits_nothing():
    made, _ = at_sample()
    made.skip()
    assert made.limit((7, 700)) == (7, 700)
