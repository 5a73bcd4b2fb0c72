"""The file of the curves: it survives a kill and damage, and errors of the disk stop nothing."""

from math import isnan

import pytest

from bridge.monitoring.recording.curve_file import ROW_BYTES, CurveFile, file_bytes
from bridge.monitoring.recording.curves import RESOLUTIONS, WRITE_SECS, Curves
from bridge.monitoring.recording.time_series import TimeSeries
from tests.monitoring.recording.curve_points import AT, fed, points


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
