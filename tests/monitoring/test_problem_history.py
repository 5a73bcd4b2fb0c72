"""History of a problem: its beginning, and the log lines at its beginning and its end."""

import logging
from dataclasses import replace

import pytest

from bridge.monitoring.problem_history import ABSENT_SECS, ProblemHistory
from tests.web.bridges import problem

AT = 1_000.0
STALLED = problem(since=AT - 30, buffered_records=104_085)
UNDATED = problem("page-not-served", severity="warning", stage="running", since=0.0, stream="", safe="x")


@pytest.fixture
def history(caplog):
    caplog.set_level(logging.INFO, "bridge.monitoring")
    return ProblemHistory()


def test_problem_begins_at_the_time_of_its_rule(history):
    [first] = history.update([STALLED], AT)
    [second] = history.update([replace(STALLED, since=AT - 29.5)], AT + 5)
    assert (first.since, second.since) == (AT - 30, AT - 30)


def test_problem_without_a_time_begins_when_it_is_found(history):
    history.update([UNDATED], AT)
    [later] = history.update([UNDATED], AT + 60)
    assert later.since == AT


def test_problem_and_its_end_are_logged_once(history, caplog):
    for at in range(0, 125, 5):
        history.update([STALLED], AT + at)
    for at in range(125, 200, 5):
        history.update([], AT + at)
    begin, end = caplog.records
    assert (begin.levelname, begin.code) == ("ERROR", "stream-stalled")
    assert begin.message == (
        "problem: Kinesis accepts no records of stream telemetry: Network: connection refused; "
        "safe: 104,085 records buffered on disk; none lost; to do: check the network"
    )
    assert (end.levelname, end.code) == ("INFO", "stream-stalled")
    assert end.message == "problem ended after 2.5 min: Kinesis accepts no records of stream telemetry"


def test_problem_of_two_seconds_is_not_logged(history, caplog):
    history.update([UNDATED], AT)
    history.update([UNDATED], AT + 2)
    history.update([], AT + 60)
    assert caplog.messages == []


def test_problem_that_returns_at_once_has_not_ended(history, caplog):
    history.update([STALLED], AT)
    history.update([], AT + ABSENT_SECS)
    [again] = history.update([replace(STALLED, since=AT + ABSENT_SECS)], AT + ABSENT_SECS)
    assert (again.since, len(caplog.messages)) == (AT - 30, 1)


def test_warning_that_becomes_an_error_is_logged_again(history, caplog):
    warning = problem("not-connected", severity="warning", since=AT - 10)
    history.update([warning], AT)
    history.update([replace(warning, severity="error")], AT + 25)
    history.update([replace(warning, severity="error")], AT + 30)
    assert [each.levelname for each in caplog.records] == ["WARNING", "ERROR"]


def test_problems_of_two_streams_are_separate(history, caplog):
    history.update([STALLED, replace(STALLED, stream="archive", since=AT - 50)], AT)
    assert len(caplog.messages) == 2


@pytest.mark.parametrize(("step", "ended"), [(-3_600.0, True), (-1.0, False)])
def test_problem_ends_in_the_log_if_the_clock_is_set_back(history, caplog, step, ended):
    history.update([STALLED], AT + 100)
    history.update([], AT + 100 + step)
    assert [each.levelname for each in caplog.records] == ["ERROR", "INFO"][: 1 + ended]
