import threading

import pytest

from bridge.config import load_settings
from bridge.runtime.assembly import assemble
from tests.harness.bridge_process import UNREACHABLE, write_configuration
from tests.integration.arrivals import TELEMETRY, eventually


@pytest.fixture
def assembled(tmp_path):
    write_configuration(tmp_path, mappings={"press": TELEMETRY}, **UNREACHABLE)
    return assemble(load_settings(tmp_path / "bridge.yaml", {}))


@pytest.fixture
def service(assembled):
    yield assembled
    assert assembled.stop(10)


def test_start_of_sender_threads_is_not_a_stall(service, monkeypatch):
    """A supervisor that sends a request in between would kill the worker."""
    start, told, begun = threading.Thread.start, [], threading.Event()

    def looked_at(thread):
        told.extend(service.stalled())
        start(thread)
        told.extend(service.stalled())
        if thread.name.startswith("send "):
            begun.set()

    monkeypatch.setattr(threading.Thread, "start", looked_at)
    service.start()
    assert begun.wait(10)
    assert told == []


def test_sender_whose_threads_have_all_ended_is_stalled(service, monkeypatch):
    monkeypatch.setattr("bridge.delivery.sender_pool.SenderPool.run", lambda _pool: None)
    service.start()
    eventually(service.stalled, "it is reported")
    assert service.stalled() == ["all sender threads have ended"]


def test_snapshot_of_a_stopped_bridge_has_no_problem(assembled):
    """The bridge has disconnected on purpose, so the missing connection is no problem to report or to log."""
    assembled.start()
    eventually(lambda: assembled.snapshot().problems, "the broker is away")
    assert assembled.stop(10)
    assert assembled.last_snapshot().problems == ()


def test_stop_before_the_first_pool_exists_ends_in_time(assembled):
    """Ingest adds its queues, and the senders' pools for them, after the stop has begun."""
    assembled.start()
    assert assembled.stop(30)


def test_watchdog_is_set_before_the_ingest_thread_starts(service, monkeypatch):
    """A message that was stored in the session may hold Python's global lock before another thread has run."""
    start, timers, at_ingest = threading.Thread.start, [], []

    def noted(thread):
        if thread.name == "ingest":
            at_ingest.append(len(timers))
        start(thread)

    monkeypatch.setattr("faulthandler.dump_traceback_later", lambda secs, **_: timers.append(secs))
    monkeypatch.setattr(threading.Thread, "start", noted)
    service.ends_on_hang = True
    service.start()
    assert at_ingest
    assert at_ingest[0] > 0
