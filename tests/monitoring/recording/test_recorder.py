"""Events of a bridge from snapshots, also across a restart. Only a change of the state is an event."""

from dataclasses import replace

import pytest

from bridge.mapping.loading.reload_report import ReloadReport
from bridge.monitoring.problem_history import ABSENT_SECS, RESUME_SECS
from bridge.monitoring.recording.event_detection import MAX_CONNECTION_EVENTS, QUIET_SECS
from bridge.monitoring.recording.event_log import EventReader
from bridge.monitoring.recording.recorder import Recorder
from tests.web.bridges import problem, snapshot, stream

AT = 1_800_000_000.0


class Run:
    """One run of a bridge with a recorder. The test advances the clock."""

    def __init__(self, folder, at=AT):
        self.now = at
        self.folder = folder
        self.recorder = Recorder(folder, curves=True, clock=lambda: self.now, wall_clock=lambda: self.now)
        self.snapshot = snapshot(connections=1)

    def look(self, *problems, secs=5, **changes):
        """Advance the clock, and record a snapshot with these problems and changes."""
        self.now += secs
        self.snapshot = replace(self.snapshot, **changes)
        self.recorder.problems.update(problems, self.now)
        self.recorder.observe(self.snapshot)

    def events(self, *kinds):
        found = EventReader().events(self.folder)
        return [each for each in found if not kinds or each.kind in kinds]


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def test_recorder_writes_nothing_while_nothing_changes(run):
    run.look()
    before = (run.folder / "events.jsonl").stat()
    for _ in range(500):
        run.look(received_messages=run.snapshot.received_messages + 1_000)
    assert (run.folder / "events.jsonl").stat() == before
    assert [each.kind for each in run.events()] == ["started", "connected"]


def test_reconnect_has_the_duration_of_the_interruption(run):
    run.look()
    run.look(connected=False, session_problem="connection refused")
    run.look(connected=False, secs=35)
    run.look(connected=True, connections=2)
    lost, back = run.events()[-2:]
    assert (lost.kind, lost.detail, back.kind, back.lasted_secs) == (
        "disconnected",
        "connection refused",
        "connected",
        40,
    )


def test_session_that_is_lost_all_the_time_does_not_fill_the_log(run):
    for number in range(100):
        run.look(connected=number % 2 == 1, connections=1 + number // 2)
    assert len(run.events("connected", "disconnected")) == MAX_CONNECTION_EVENTS
    run.look(connected=True, connections=51, secs=700)
    assert "connections since the last entry" in run.events("connected")[-1].detail


def test_throttling_begins_once_and_ends_with_its_duration(run):
    for count in (0, 5, 9, 9, 30):
        run.look(streams=(stream(throttled=count),))
    run.look(secs=QUIET_SECS)
    begin, end = run.events("throttled", "recovered")
    assert (begin.stream, end.code, end.lasted_secs, end.detail) == (
        "telemetry",
        "throttled",
        15,
        "throttled: 30 records",
    )


def test_problem_is_an_event_when_it_begins_becomes_an_error_and_ends(run):
    begun = problem("not-connected", severity="warning", stream="", since=AT + 5)
    run.look(begun)
    run.look(begun)
    for _ in range(5):
        run.look(replace(begun, severity="error"))
    for _ in range(4):
        run.look()
    found = run.events("problem", "recovered")
    assert [(each.kind, each.level) for each in found] == [
        ("problem", "warning"),
        ("problem", "error"),
        ("recovered", "info"),
    ]
    assert (found[0].since, found[-1].lasted_secs) == (AT + 5, 30)


def test_client_id_conflict_has_its_own_kind(run):
    run.look(problem("client-id-conflict", since=AT - 60))
    assert [each.text for each in run.events("conflict")] == ["Kinesis accepts no records of stream telemetry"]


def test_reload_names_the_mappings_and_the_errors(run):
    run.recorder.reloaded(ReloadReport(("press", "weld"), ("old",), (("mixer", "mixer.yaml:3:1: unknown key"),)))
    run.look()
    [reload] = run.events("reload")
    assert (reload.text, reload.detail, reload.level) == (
        "mappings: press, weld loaded; old removed; mixer not loaded",
        "mixer.yaml:3:1: unknown key",
        "warning",
    )


def test_problem_that_lasts_over_a_kill_has_one_beginning_and_end(run):
    stalled = problem(since=AT + 5)
    run.look(stalled, secs=10)
    again = Run(run.folder, AT + 100)
    for _ in range(8):
        again.look(replace(stalled, since=again.now + 5))
    for _ in range(int(ABSENT_SECS / 5) + 1):
        again.look()
    begin, end = again.events("problem", "recovered")
    assert (begin.since, end.lasted_secs) == (AT + 5, 135)


def test_problem_that_ended_with_the_restart_is_ended(run):
    run.look(problem(since=AT + 5), secs=10)
    again = Run(run.folder, AT + 100)
    again.look()
    again.look(secs=RESUME_SECS + 5)
    again.look()
    [end] = again.events("recovered")
    assert (end.lasted_secs, end.detail) == (100, "it ended while the bridge was down, or at its start")


def test_restart_shows_whether_the_run_before_was_stopped(run):
    run.look()
    killed = Run(run.folder)
    killed.look()
    killed.recorder.close()
    stopped = Run(run.folder)
    stopped.look()
    details = [each.detail.partition("; ")[2] for each in stopped.events("started")]
    assert details == ["", "the previous run did not stop cleanly (crash, kill or power failure)", ""]
