"""Points of all curves in one resolution."""

from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.monitoring.recording.curve_values import UNITS, curve_values
from bridge.monitoring.recording.time_series import MAX_GAP_STEPS, TimeSeries
from tests.monitoring.recording.curve_points import AT, at

POINTS = 6


def ring(*steps, **options):
    made = TimeSeries(5, POINTS, **options)
    for step in steps:
        made.put(step, {"received": float(step)})
    return made


def received(series):
    return [None if isnan(each) else each for each in series.curves()["received"]]


def test_put_orders_the_points_by_time():
    assert received(ring(*range(100, 109))) == [103.0, 104.0, 105.0, 106.0, 107.0, 108.0]


def test_put_after_missing_steps_leaves_a_gap():
    assert received(ring(100, 101, 104)) == [None, 100.0, 101.0, None, None, 104.0]


def test_put_after_missing_steps_removes_points_of_an_earlier_round():
    assert received(ring(2, 7, 9)) == [None, None, None, 7.0, None, 9.0]


def test_put_after_a_long_time_removes_all_earlier_points():
    assert received(ring(100, 101, 10_000)) == [None] * 5 + [10_000.0]


def test_put_of_an_earlier_step_removes_the_later_points():
    assert received(ring(100, 101, 102, 101)) == [None] * 4 + [100.0, 101.0]


@given(st.lists(st.integers(0, 40), min_size=1, max_size=30))
def test_put_of_any_steps_keeps_only_those_before_the_newest(steps):
    series = ring(*steps)
    newest = steps[-1]
    expected = {}
    for step in steps:
        expected = {each: value for each, value in expected.items() if step - POINTS < each < step}
        expected[step] = float(step)
    assert series.newest == newest
    assert received(series) == [expected.get(step) for step in range(newest - POINTS + 1, newest + 1)]


@given(st.lists(st.integers(0, 40), min_size=1, max_size=10), st.integers(0, 60))
def test_rows_are_the_steps_after_the_given_one(steps, after):
    series = ring(*steps)
    rows = list(series.rows(after))
    newest = steps[-1]
    assert [step for step, _ in rows] == list(range(max(after, newest - POINTS) + 1, newest + 1))
    assert all(len(values) == len(UNITS) for _, values in rows)


def test_rows_of_an_empty_ring_are_none():
    assert list(ring().rows(0)) == []
    assert received(ring()) == [None] * POINTS


@pytest.mark.parametrize(("named", "names"), [(True, ["mapping press"]), (False, [])])
def test_named_has_curves_of_mappings_only_if_they_are_stored(named, names):

    series = TimeSeries(5, POINTS, named=named)
    for secs in (0.0, 5.0):
        series.add(curve_values(at(10)), AT + secs, secs)
    assert [name for name in series.named() if name.startswith("mapping")] == names


@pytest.mark.parametrize(("steps", "points"), [(MAX_GAP_STEPS, MAX_GAP_STEPS), (MAX_GAP_STEPS + 1, 0)])
def test_add_of_a_late_snapshot_fills_at_most_the_permitted_gap(steps, points):

    series = TimeSeries(5, POINTS)
    series.add(curve_values(at(0)), AT, 0.0)
    series.add(curve_values(at(100 * steps)), AT + 5 * steps, 5.0 * steps)
    assert [each for each in received(series) if each is not None] == [20.0] * points
