"""Values of one snapshot that become points of curves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.histogram import Histogram
from bridge.monitoring.recording.curve_values import (
    LATENCIES,
    LEVELS,
    LOWEST,
    RATES,
    UNITS,
    curve_values,
    latencies,
    rates,
)
from bridge.spool.ledger import LedgerRow
from tests.monitoring.test_link_log import THIN
from tests.web.bridges import snapshot, stream

COUNTS = st.dictionaries(st.sampled_from("abc"), st.integers(0, 10**12))


def test_curve_values_have_a_value_for_each_curve():
    values = curve_values(snapshot(endpoints=(THIN,), max_bytes_per_sec=5))
    assert RATES.keys() <= values.counters.keys()
    assert values.levels.keys() == LEVELS.keys()
    assert set(UNITS) == {*RATES, *LEVELS, *LATENCIES}
    assert LEVELS.keys() >= LOWEST


def test_curve_values_of_a_link_that_is_not_measured_have_a_gap():
    assert not {"bandwidth", "max_bytes_per_sec"} & curve_values(snapshot()).levels.keys()


def test_curve_values_add_the_streams_of_a_mapping():
    rows = (LedgerRow("press", "a", 7, 0, 0, 0, 0, 7), LedgerRow("press", "b", 5, 0, 3, 1, 0, 1))
    counters = curve_values(snapshot(ledger=rows)).counters
    assert (counters["mapping press"], counters["received"], counters["mapped"]) == (12, 12, 8)


def test_curve_values_do_not_decrease_when_a_dead_letter_is_replayed():
    before = LedgerRow("press", "a", 7, 0, 0, 7, 0, 0)
    after = LedgerRow("press", "a", 7, 0, 0, 6, 0, 1)._replace(received=7, replayed=1)
    old, new = (curve_values(snapshot(ledger=(row,))).counters for row in (before, after))
    assert [new[name] - old[name] for name in ("received", "dead_lettered", "mapped")] == [1, 0, 1]


def test_curve_values_have_the_age_of_the_oldest_stream():
    streams = (stream("a", oldest_secs=3.0), stream("b", oldest_secs=9.0))
    assert curve_values(snapshot(streams=streams)).levels["oldest"] == 9.0
    assert curve_values(snapshot(streams=())).levels["oldest"] == 0.0


@given(COUNTS, COUNTS, st.floats(0.1, 1e4))
def test_rates_are_never_negative_and_zero_for_a_new_counter(now, before, secs):
    found = rates(now, before, secs)
    assert found.keys() == now.keys()
    for name, rate in found.items():
        grown = now[name] - before.get(name, now[name])
        assert rate == pytest.approx(max(0, grown) / secs)


def test_latencies_without_a_delivery_are_empty():
    timed = Histogram()
    timed.observe(0.2, 5)
    assert latencies(timed.value(), timed.value()) == {}


def test_latencies_are_those_between_two_snapshots():
    timed = Histogram()
    timed.observe(300.0, 1_000)
    before = timed.value()
    timed.observe(0.004, 100)
    found = latencies(timed.value(), before)
    assert found.keys() == LATENCIES.keys()
    assert max(found.values()) <= 0.005
