"""Curves from snapshots: rates, levels and percentiles of each step, gaps, and the file of the curves."""

import csv
from math import isnan

import pytest

from bridge.histogram import Histogram
from bridge.monitoring.recording.curve_file import ROW_BYTES, CurveFile, file_bytes
from bridge.monitoring.recording.curve_values import UNITS, curve_values
from bridge.monitoring.recording.curves import RESOLUTIONS, WRITE_SECS, Curves
from bridge.monitoring.recording.time_series import MAX_SERIES, TimeSeries
from bridge.spool.ledger import LedgerRow
from tests.web.bridges import snapshot, stream

AT = 1_800_000_000.0
"""Time at which a step of every resolution begins."""


def at(received=0, spooled=0, timed=None, **changes):
    ledger = (LedgerRow("press", "telemetry", received, received - spooled, 0, 0, 0, spooled),)
    latency = (timed or Histogram()).value()
    streams = (stream(delivered=received - spooled),)
    return snapshot(received_messages=received, ledger=ledger, streams=streams, receive_to_delivered=latency, **changes)


def fed(curves, secs, start=AT, rate=10, first=0):
    """Add a snapshot every 5 seconds of a bridge that receives and delivers `rate` records a second."""
    for each in range(0, secs + 1, 5):
        curves.add(at(first + rate * each), start + each, start + each)


def points(curves, name="delivered", wanted="15m"):
    return [each for each in curves.value(wanted)["series"][name] if not isnan(each)]


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


# -- the file ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path):
    return tmp_path / "curves.bin"


def reopened(file, now=AT + 700):
    curves = Curves(CurveFile(file))
    curves.load(now)
    return curves


def test_curves_are_written_once_a_minute_and_survive_a_kill(file):
    curves = reopened(file)
    fed(curves, int(WRITE_SECS) - 5)
    assert not file.exists()
    fed(curves, 600)
    again = reopened(file)  # without the write at a stop, as after kill -9
    assert len(points(again)) >= 120 - WRITE_SECS / 5 - 1
    assert set(points(again)) == {10.0}
    assert file.stat().st_mode & 0o777 == 0o600


def test_time_without_the_bridge_is_a_gap(file):
    first = reopened(file)
    fed(first, 100)
    first.write()
    second = reopened(file)
    fed(second, 50, start=AT + 300)
    series = second.value("15m")["series"]["delivered"]
    assert [isnan(each) for each in series[-70:]] == [False] * 20 + [True] * 40 + [False] * 10


def test_file_size_does_not_depend_on_the_running_time(file):
    curves, sizes = reopened(file), set()
    for start in range(3):
        fed(curves, 3_000, start=AT + start * 3_000, first=start * 30_000)
        curves.write()
        sizes.add(file.stat().st_size)
    rings = [TimeSeries(*each) for each in RESOLUTIONS.values()]
    assert sizes == {file_bytes(rings)}
    assert file_bytes(rings) < 64 * 1024


def test_damaged_row_is_skipped_and_logged(file, caplog):
    curves = reopened(file)
    fed(curves, 600)
    curves.write()
    octets = bytearray(file.read_bytes())
    row = int(AT // 5 + 50) % RESOLUTIONS["15m"].points
    octets[12 + ROW_BYTES * row + 9] ^= 1
    file.write_bytes(octets)
    again = reopened(file)
    assert len(points(again)) == len(points(curves)) - 1
    assert "skipped 1 damaged point" in caplog.text


@pytest.mark.parametrize("content", [b"", b"no curves", b"x" * 54_000, b"\0" * 100_000])
def test_damaged_file_starts_empty_is_logged_and_written_again(file, content, caplog):
    file.write_bytes(content)
    curves = reopened(file)
    assert points(curves) == []
    assert "are not used" in caplog.text
    fed(curves, 100)
    curves.write()
    assert len(points(reopened(file))) == 20


def test_points_of_a_wrong_clock_are_skipped(file):
    curves = reopened(file)
    fed(curves, 100, start=AT + 86_400)
    curves.write()
    assert points(reopened(file, now=AT)) == []


def test_disk_that_accepts_no_write_is_logged_once_and_stops_nothing(tmp_path, caplog):
    curves = Curves(CurveFile(tmp_path / "missing" / "curves.bin"))
    curves.load(AT)
    fed(curves, 300)
    assert (len(points(curves)), len(caplog.records)) == (60, 1)
    (tmp_path / "missing").mkdir()
    curves.write()
    assert len(points(reopened(tmp_path / "missing" / "curves.bin"))) == 60


def test_link_instead_of_the_file_is_not_followed(file, tmp_path):
    target = tmp_path / "other"
    target.write_bytes(b"unchanged")
    file.symlink_to(target)
    curves = reopened(file)
    fed(curves, 100)
    curves.write()
    assert target.read_bytes() == b"unchanged"
