"""Curves and event log by the API."""

import csv
from dataclasses import replace

import pytest

from bridge.monitoring.recording.event import Event
from tests.web.bridges import snapshot, stream
from tests.web.conftest import TOKEN

AT = 1_800_000_000.0


def recorded(bridge):
    for secs in range(0, 65, 5):
        looked = snapshot(received_messages=10 * secs, streams=(stream(delivered=10 * secs),), memory_bytes=50_000_000)
        bridge.curves.add(looked, AT + secs, float(secs))


def test_curves_have_points_units_and_gaps_as_null(site, bridge):
    recorded(bridge)
    value = site().get("/api/curves").json()
    assert (value["range"], value["step_secs"], value["start"]) == ("15m", 5, AT + 60 - 180 * 5)
    assert value["series"]["delivered"][-13:] == [None, *[10.0] * 12]
    assert (value["units"]["latency_p99"], value["series"]["latency_p99"][-1]) == ("s", None)


def test_curves_are_downloaded_as_csv(site, bridge):
    recorded(bridge)
    response = site().get("/api/curves.csv?range=1h")
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="mqtt-kinesis-1h.csv"'
    rows = list(csv.DictReader(response.text.splitlines()))
    assert [row["memory (bytes)"] for row in rows] == ["50000000"] * 4


def test_history_has_the_rates_of_each_stream(site, bridge):
    recorded(bridge)
    value = site().get("/api/history").json()
    assert (value["step_secs"], value["series"]["stream telemetry"][-4:]) == (15, [10.0] * 4)


@pytest.mark.parametrize("path", ["curves?range=2h", "curves.csv?range=", "event-log?kind=x", "event-log?limit=0"])
def test_unknown_range_kind_or_limit_is_an_error(site, path):
    assert site().get(f"/api/{path}").status_code == 400


@pytest.mark.parametrize("limit", ["", "-1", "1001", "²", "9" * 5_000])
def test_limit_that_is_no_number_in_its_range_is_an_error(site, limit):
    assert site().get("/api/event-log", params={"limit": limit}).status_code == 400


def test_event_log_is_returned_newest_first_and_by_kind(site, bridge):
    event = Event(AT, "connected", "connected to mqtt://127.0.0.1:1883", lasted_secs=40.0)
    bridge.events = [event, replace(event, at=AT + 1, kind="reload", text="mappings: press loaded", lasted_secs=None)]
    value = site().get("/api/event-log").json()
    assert [each["kind"] for each in value["events"]] == ["reload", "connected"]
    [connected] = site().get("/api/event-log?kind=connected").json()["events"]
    assert (connected["lasted_secs"], "stream" in connected) == (40.0, False)


@pytest.mark.parametrize("path", ["curves", "curves.csv", "event-log", "history"])
def test_recorded_values_require_read_access(site, path):
    assert site(TOKEN).get(f"/api/{path}").status_code == 401
