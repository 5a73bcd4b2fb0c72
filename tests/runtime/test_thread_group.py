import threading

import pytest

from bridge.errors import SpoolCorrupt, SpoolWriteError
from bridge.runtime import thread_group
from bridge.runtime.thread_group import ThreadGroup
from tests.integration.arrivals import eventually


@pytest.fixture
def events():
    return {"stopping": threading.Event(), "crashed": threading.Event()}


def test_thread_group_joins_threads_that_end(events):
    group = ThreadGroup(**events, clock=lambda: 0.0)
    ran = threading.Event()
    group.start("one", ran.set)
    group.start("two", lambda: ran.wait(10))
    assert group.join(20.0)
    assert group.alive == []
    assert not events["crashed"].is_set()


def test_thread_group_reports_threads_later_than_the_deadline(events, caplog):
    group = ThreadGroup(**events, clock=lambda: 5.0)
    release = threading.Event()
    group.start("slow", lambda: release.wait(10))
    assert not group.join(5.0)
    assert group.alive == ["slow"]
    assert "threads that have not ended within the deadline: slow" in caplog.text
    release.set()
    assert group.join(15.0)


def test_thread_group_error_sets_crashed_and_is_logged(events, caplog):
    def fail():
        raise SpoolCorrupt("a page is torn")

    group = ThreadGroup(**events, transient=(SpoolWriteError,), clock=lambda: 0.0)
    group.start("ingest", fail)
    assert events["crashed"].wait(10)
    assert "ingest ended with an error; the process must be restarted" in caplog.text


def test_thread_group_transient_error_runs_the_body_again(events, monkeypatch):
    monkeypatch.setattr(thread_group, "RETRY_SECS", 0.0)
    attempts = []

    def fail_twice():
        attempts.append(1)
        if len(attempts) < 3:
            raise SpoolWriteError("the disk is full")

    group = ThreadGroup(**events, transient=(SpoolWriteError,), clock=lambda: 0.0)
    group.start("ingest", fail_twice)
    assert group.join(10.0)
    assert len(attempts) == 3
    assert not events["crashed"].is_set()


def test_thread_group_transient_error_while_stopping_ends_the_thread(events):
    attempts = []

    def fail():
        attempts.append(1)
        raise SpoolWriteError("the disk is full")

    group = ThreadGroup(**events, transient=(SpoolWriteError,), clock=lambda: 0.0)
    group.start("ingest", fail)
    eventually(lambda: attempts, "it has run")
    events["stopping"].set()
    assert group.join(10.0)
    assert attempts == [1]
