"""Curves from snapshots: rates, levels and percentiles of each step, and gaps."""

import csv
from math import isnan

from bridge.histogram import Histogram
from bridge.monitoring.recording.curve_values import UNITS, curve_values
from bridge.monitoring.recording.curves import RESOLUTIONS, Curves
from bridge.monitoring.recording.time_series import MAX_SERIES, TimeSeries
from bridge.spool.ledger import LedgerRow
from tests.monitoring.recording.curve_points import AT, at, fed, points
from tests.web.bridges import snapshot


def test_point_is_the_rate_of_its_step_at_each_resolution():
    curves = Curves()
    fed(curves, 600)
    assert {wanted: points(curves, wanted=wanted) for wanted in RESOLUTIONS} == {
        "15m": [10.0] * 120,
        "1h": [10.0] * 40,
        "24h": [10.0] * 2,
    }


def test_first_snapshot_sets_the_start_of_the_counters():
    curves = Curves()
    curves.add(at(1_000_000), AT, 0.0)
    assert points(curves) == []
    curves.add(at(1_000_050), AT + 5, 5.0)
    assert points(curves) == [10.0]


def test_level_of_a_step_is_its_highest_and_of_free_disk_its_lowest():
    curves = Curves()
    for secs, backlog, free in ((0, 0, 900), (5, 70, 500), (10, 20, 700), (15, 10, 800)):
        curves.add(at(100, spooled=backlog, disk_free_bytes=free), AT + secs, float(secs))
    assert (points(curves, "backlog", "1h"), points(curves, "disk_free", "1h")) == ([70.0], [500.0])


def test_percentiles_are_those_of_the_interval_and_not_since_the_start():
    curves, timed = Curves(), Histogram()
    timed.observe(0.001, 1_000_000)
    curves.add(at(timed=timed), AT, 0.0)
    timed.observe(5.0, 100)
    curves.add(at(timed=timed), AT + 5, 5.0)
    curves.add(at(timed=timed), AT + 10, 10.0)
    [median] = points(curves, "latency_p50")
    assert 2.5 <= median <= 5.0


def test_late_snapshot_is_no_gap_but_a_missing_minute_is():
    curves = Curves()
    for secs in (0, 5.4, 10.9, 16.2, 80, 85):
        curves.add(at(int(10 * secs)), AT + secs, secs)
    series = curves.value("15m")["series"]["delivered"]
    known = [at for at, each in enumerate(series) if not isnan(each)]
    assert known == [163, 164, 165, 179]


def test_clock_that_is_set_back_removes_the_points_of_the_future():
    curves = Curves()
    fed(curves, 100)
    fed(curves, 20, start=AT - 600, first=5_000)
    assert points(curves) == [10.0] * 4
    assert curves.value("15m")["start"] + 180 * 5 == AT - 580


def test_counter_that_decreased_is_no_negative_rate():
    curves = Curves()
    curves.add(at(500), AT, 0.0)
    curves.add(at(10), AT + 5, 5.0)
    assert points(curves) == [0.0]


def test_replay_of_dead_letters_is_no_negative_rate():
    def row(received, dead_lettered, replayed):
        ledger = (LedgerRow("press", "telemetry", received, 0, 0, dead_lettered, 0, 0, replayed),)
        return curve_values(snapshot(ledger=ledger)).counters

    before, after = row(100, 50, 0), row(50, 0, 50)
    assert (after["received"], after["dead_lettered"]) == (before["received"], before["dead_lettered"])


def test_series_of_mappings_and_streams_have_the_points_of_the_last_hour():
    curves = Curves()
    fed(curves, 60)
    value = curves.named_rates()
    assert (value["step_secs"], set(value["series"])) == (
        15,
        {"messages", "mapped", "mapping press", "stream telemetry"},
    )
    assert value["series"]["mapping press"][-4:] == [10.0] * 4


def test_number_of_series_and_of_points_is_bounded():
    ring = TimeSeries(5, 8, named=True)
    for secs in range(0, 500, 5):
        many = tuple(LedgerRow(f"m{number}", "s", secs, 0, 0, 0, 0, 0) for number in range(MAX_SERIES + 50))
        if secs >= 490 or secs < 100:
            ring.add(curve_values(snapshot(ledger=many if secs < 10 else ())), AT + secs, float(secs))
    assert len(ring.named()) + len(ring.curves()) == MAX_SERIES
    assert {len(each) for each in ring.curves().values()} == {8}


def test_csv_has_a_line_for_each_point_with_units():
    curves = Curves()
    fed(curves, 20)
    [head, *rows] = list(csv.reader(curves.csv("15m").splitlines()))
    assert head[:3] == ["time", "received (records/s)", "delivered (records/s)"]
    assert (len(head), len(rows)) == (len(UNITS) + 1, 4)
    assert rows[0][:3] == ["2027-01-15T08:00:00.000Z", "10", "10"]
    assert rows[0][head.index("latency_p99 (s)")] == ""
