"""Histograms of an interval, and their quantiles."""

import random

import pytest

from bridge.histogram import FINE_SECS, LATENCY_SECS, Histogram, HistogramSnapshot, difference, quantile


def of(*values):
    histogram = Histogram(FINE_SECS)
    for value in values:
        histogram.observe(value)
    return histogram.value()


def test_difference_has_only_the_observations_in_between():
    histogram = Histogram()
    histogram.observe(0.3, 5)
    before = histogram.value()
    histogram.observe(0.02, 3)
    between = difference(histogram.value(), before)
    assert (between.cumulative[-1], between.total) == (3, pytest.approx(0.06))
    assert quantile(between, 0.99) <= 0.025


def test_difference_to_a_histogram_without_bounds_is_everything():
    now = of(0.3, 0.4)
    assert difference(now, HistogramSnapshot((), (0,), 0.0)).cumulative == now.cumulative


@pytest.mark.parametrize(("now", "before"), [((0.3,), (0.3,)), ((), (0.3,)), ((0.2, 0.2), (3.0,))])
def test_difference_is_none_without_observations_or_after_a_new_begin(now, before):
    assert difference(of(*now), of(*before)) is None


def test_quantile_is_wrong_by_at_most_seven_percent():
    random.seed(7)
    values = sorted(random.lognormvariate(0, 3) for _ in range(2_000))
    histogram = of(*values)
    for share in (0.1, 0.5, 0.95, 0.99):
        assert quantile(histogram, share) == pytest.approx(values[int(share * len(values)) - 1], rel=0.07)


@pytest.mark.parametrize("secs", [0.0002, 0.2, 111.0, 80_000.0])
def test_quantile_of_one_value_is_about_that_value(secs):
    assert [quantile(of(secs), share) for share in (0.5, 0.99)] == pytest.approx([secs, secs], rel=0.07)


def test_fine_bounds_contain_those_of_the_metrics():
    assert set(LATENCY_SECS) < set(FINE_SECS)


def test_quantile_above_all_bounds_is_the_highest_bound():
    assert quantile(of(1e9), 0.5) == FINE_SECS[-1]
