"""Histograms of an interval, and their quantiles."""

import random

import pytest

from bridge.histogram import LATENCY_SECS, Histogram, HistogramSnapshot, difference, quantile


def of(*values):
    histogram = Histogram()
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


def test_quantile_lies_in_the_bucket_of_its_value():
    random.seed(7)
    values = sorted(random.lognormvariate(-2, 2) for _ in range(2_000))
    histogram = of(*values)
    for share in (0.5, 0.95, 0.99):
        true = values[int(share * len(values)) - 1]
        upper = next(bound for bound in LATENCY_SECS if bound >= true)
        lower = max((bound for bound in LATENCY_SECS if bound < true), default=0.0)
        assert lower <= quantile(histogram, share) <= upper


def test_quantile_above_all_bounds_is_the_highest_bound():
    assert quantile(of(1e9), 0.5) == LATENCY_SECS[-1]
