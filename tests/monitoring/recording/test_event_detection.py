"""Events that follow from the comparison of two snapshots."""

import pytest

from bridge.monitoring.recording.event import Event
from bridge.monitoring.recording.event_detection import (
    CONNECTION_SECS,
    MAX_CONNECTION_EVENTS,
    QUIET_SECS,
    EventDetector,
)
from tests.web.bridges import snapshot, stream

AT = 1_800_000_000.0
DAY_SECS = 86_400.0
AWAY = {"connected": False, "session_problem": "connection refused"}


def detector(unfinished=()):
    return EventDetector({each.key: each for each in unfinished}, AT)


def kinds(detects, at=AT, **changes):
    return [each.kind for each in detects.observe(snapshot(**changes), at)]


def throttled(detects, count, at=AT):
    return list(detects.observe(snapshot(connections=0, streams=(stream(throttled=count),)), at))


def test_detector_before_the_first_connection_reports_no_disconnection():
    assert kinds(detector(), connections=0, **AWAY) == []


def test_detector_reports_a_connection_once():
    detects = detector()
    assert kinds(detects) == ["connected"]
    assert kinds(detects, AT + 5) == []


def test_detector_counts_connections_between_two_snapshots():
    detects = detector()
    kinds(detects)
    [event] = detects.observe(snapshot(connections=4), AT + 5)
    assert (event.kind, event.detail) == ("connected", "MQTT 5; 3 connections since the last entry")


def test_disconnection_lasts_no_negative_time_if_the_clock_is_set_back():
    detects = detector()
    kinds(detects)
    kinds(detects, AT + 5, **AWAY)
    [event] = detects.observe(snapshot(connections=2), AT - DAY_SECS)
    assert (event.kind, event.lasted_secs) == ("connected", 0.0)


@pytest.mark.parametrize("later", [CONNECTION_SECS + 1, -DAY_SECS])
def test_connection_events_beyond_the_limit_are_reported_later(later):
    detects = detector()
    for number in range(MAX_CONNECTION_EVENTS):
        assert kinds(detects, connections=number + 1) == ["connected"]
    assert kinds(detects, connections=100) == []
    assert kinds(detects, AT + later, connections=100) == ["connected"]


def test_throttling_begins_with_the_first_throttled_record():
    detects = detector()
    assert throttled(detects, 0) == []
    [event] = throttled(detects, 1)
    assert (event.kind, event.level, event.stream) == ("throttled", "warning", "telemetry")


@pytest.mark.parametrize(("pause", "ended"), [(QUIET_SECS - 1, False), (QUIET_SECS, True), (-DAY_SECS, True)])
def test_throttling_ends_after_a_pause_or_a_clock_that_is_set_back(pause, ended):
    detects = detector()
    throttled(detects, 5)
    throttled(detects, 7, AT + 10)
    events = throttled(detects, 7, AT + 10 + pause)
    assert [(each.kind, each.detail, each.lasted_secs) for each in events] == [
        ("recovered", "throttled: 7 records", 10.0)
    ] * ended


def test_throttling_of_the_previous_run_ends_without_a_count():
    begun = Event(AT - 100, "throttled", "x", code="throttled", stream="telemetry")
    detects = detector([begun])
    [event] = throttled(detects, 0, AT + QUIET_SECS)
    assert (event.kind, event.detail, event.lasted_secs, event.key) == ("recovered", "", 100.0, begun.key)


def test_counter_of_throttled_records_that_decreases_is_no_event():
    detects = detector()
    throttled(detects, 5)
    throttled(detects, 5, AT + QUIET_SECS)
    assert throttled(detects, 2, AT + QUIET_SECS) == []
    assert [each.kind for each in throttled(detects, 3, AT + QUIET_SECS)] == ["throttled"]
