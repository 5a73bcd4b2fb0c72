"""Tests of the supervisor with real spools and mappings, and with fakes of its workers."""

import os
from dataclasses import replace
from types import SimpleNamespace

import pytest

from bridge.config import load_settings
from bridge.errors import BridgeError, ConfigError, Problem, SpoolInUse
from bridge.supervisor import supervisor as module
from bridge.supervisor.supervisor import Supervisor, refuse_first_switch
from bridge.supervisor.workers import WorkerSlot, folder_of
from tests.cli.builders import PRESS, set_up
from tests.spool.builders import opened, put
from tests.web.bridges import snapshot

DEADLINE_SECS = 10.0


class Worker:
    """Fake of a `WorkerProcess`. `events` are the calls that the supervisor has made to any worker, in order."""

    def __init__(self, events, folder, number, *, draining=False, **state):
        self.slot, self.folder, self.events = WorkerSlot(number, draining), folder, events
        self.active, self.pid, self.drained = True, 100 + number, False
        self.leave_requested, self.link_share, self.stalled = False, None, ()
        self.ends, self.is_reloading, self.sample = True, False, []
        self.state = snapshot(**state)

    def snapshot(self):
        return self.state

    def status(self):
        return SimpleNamespace(name=self.slot.name, state="running")

    def check(self):
        self.events.append("check")

    def refresh(self, max_age_secs):
        self.events.append(("refresh", max_age_secs))

    def notify(self, what, **more):
        self.events.append((self.slot.number, what, *more.values()))

    def messages(self):
        return self.sample

    def reloading(self):
        return self.is_reloading

    def stop(self, secs):
        self.events.append((self.slot.number, "stop", secs < DEADLINE_SECS))

    def wait(self, _deadline):
        self.events.append((self.slot.number, "wait"))
        return self.ends

    def kill(self):
        self.events.append((self.slot.number, "kill"))


@pytest.fixture
def settings(tmp_path):
    return load_settings(set_up(tmp_path), os.environ)


@pytest.fixture
def assembled(tmp_path, settings):
    """Return a function that creates a supervisor. Its lock is released at the end of the test."""
    made = []

    def make():
        made.append(Supervisor(tmp_path / "bridge.yaml", settings, 2))
        return made[-1]

    yield make
    for each in made:
        each._lock.close()


@pytest.fixture
def supervisor(assembled):
    """A supervisor of two active workers and one draining worker, which are fakes."""
    supervisor, events = assembled(), []
    supervisor.workers = [
        Worker(events, supervisor.data_folder, 1),
        Worker(events, supervisor.data_folder, 2),
        Worker(events, supervisor.data_folder, 0, draining=True),
    ]
    supervisor.events = events
    return supervisor


@pytest.mark.parametrize("content", [b"", b"no database" * 100], ids=["empty", "garbage"])
def test_supervisor_with_an_unreadable_spool_starts_its_workers(assembled, settings, content):
    damaged, intact = folder_of(settings.spool.path, 1), folder_of(settings.spool.path, 3)
    damaged.mkdir(parents=True)
    (damaged / "spool.db").write_bytes(content)
    spool = opened(intact)
    put(spool, b"1", b"2")
    spool.close()
    supervisor = assembled()
    slots = [each.slot for each in supervisor.workers]
    assert slots == [WorkerSlot(1), WorkerSlot(2), WorkerSlot(3, draining=True)]
    assert [each.snapshot().total("spooled") for each in supervisor.workers] == [0, 0, 2]
    assert supervisor.totals()["spooled"] == 2


def test_supervisor_beside_another_bridge_is_refused(assembled, settings):
    spool = opened(settings.spool.path)
    with pytest.raises(SpoolInUse):
        assembled()
    spool.close()
    assembled()
    with pytest.raises(SpoolInUse):
        assembled()


def test_supervisor_that_cannot_load_a_mapping_releases_its_lock(tmp_path, assembled):
    mapping = tmp_path / "mappings" / "press.yaml"
    mapping.write_text("topic: [")
    with pytest.raises(ConfigError):
        assembled()
    mapping.write_text(PRESS)
    assembled()


def test_refusal_of_a_broken_mapping_is_for_the_first_run_with_workers(tmp_path):
    problems = [Problem("press.yaml", 1, 1, "", "invalid")]
    refuse_first_switch(problems, tmp_path, 0)
    refuse_first_switch([], tmp_path, 2)
    opened(tmp_path).close()
    with pytest.raises(ConfigError, match="invalid"):
        refuse_first_switch(problems, tmp_path, 2)
    opened(tmp_path / "worker-1").close()
    refuse_first_switch(problems, tmp_path, 2)


def test_stop_requests_every_worker_before_it_waits_for_one(supervisor, assembled):
    supervisor.workers[1].ends = False
    assert not supervisor.stop(DEADLINE_SECS)
    stops = [(number, "stop", True) for number in (1, 2, 0)]
    assert supervisor.events == [*stops, (1, "wait"), (2, "wait"), (0, "wait")]
    assembled()  # the lock is released


def test_stop_with_workers_that_end_in_time_succeeds(supervisor):
    assert supervisor.stop(DEADLINE_SECS)


def test_draining_worker_leaves_once_all_active_workers_are_subscribed(supervisor):
    first, second, draining = supervisor.workers
    second.state = replace(second.state, subscribed=False)
    supervisor._poll()
    second.state = replace(second.state, subscribed=True)
    first.active = False
    supervisor._poll()
    assert not draining.leave_requested
    first.active = True
    supervisor._poll()
    supervisor._poll()
    assert [each for each in supervisor.events if "leave" in each] == [(0, "leave")]


def test_bandwidth_is_divided_among_the_workers_that_have_not_drained(supervisor):
    kinesis = supervisor._settings.kinesis.model_copy(update={"max_bytes_per_sec": 300})
    supervisor._settings = supervisor._settings.model_copy(update={"kinesis": kinesis})
    supervisor.workers[1].active = False
    supervisor._divide_link()
    supervisor._divide_link()
    assert supervisor.events == [(1, "link", 100), (0, "link", 100)]
    supervisor.workers[2].drained, supervisor.workers[2].active = True, False
    supervisor.workers[1].active = True
    supervisor._divide_link()
    assert supervisor.events[2:] == [(1, "link", 150), (2, "link", 150)]


def test_snapshot_is_connected_only_if_every_active_worker_is(supervisor):
    first, _, draining = supervisor.workers
    draining.state = replace(draining.state, connected=False, subscribed=False)
    found = supervisor.snapshot()
    assert (found.connected, found.subscribed, found.received_messages) == (True, True, 300)
    assert ([each.name for each in found.workers], found.client_id) == (["worker 1", "worker 2", "bridge"], "test")
    first.state = replace(first.state, connected=False)
    first.active = False
    supervisor.events.clear()
    assert not supervisor.snapshot().connected
    assert supervisor.events == [("refresh", module.FRESH_SECS)] * 2


def test_snapshot_has_the_stalls_of_the_workers_and_of_the_supervisor(supervisor, monkeypatch):
    supervisor.workers[0].stalled = ("all sender threads have ended",)
    assert supervisor.snapshot().stalled == ("worker 1: all sender threads have ended",)
    monkeypatch.setattr(module, "STALLED_SECS", -1.0)
    assert supervisor.stalled()[0].startswith("the workers were not checked for 0 s")


def test_job_without_the_worker_of_its_dead_letters_is_refused(supervisor, settings):
    with pytest.raises(BridgeError, match="worker required"):
        supervisor.run_job("replay", [1])
    opened(folder_of(settings.spool.path, 2)).close()
    with pytest.raises(BridgeError, match="no worker 7 with a spool; expected one of 2"):
        supervisor.run_job("replay", [1], 7)
    assert supervisor.dead_letters_folder(None) == folder_of(settings.spool.path, 2)


def test_job_is_sent_to_its_worker_and_has_the_results_of_the_worker(supervisor, settings, monkeypatch):
    def respond(folder, command, timeout_secs, *, numbers):
        assert (folder, command, timeout_secs, numbers) == (settings.spool.path / "worker-2", "delete", 70.0, [4, 5])
        return {"counts": {"deleted": 1, "not_found": 1}, "reasons": {"no_match": 3}}

    opened(folder_of(settings.spool.path, 2)).close()
    monkeypatch.setattr(module, "request", respond)
    job = supervisor.run_job("delete", (4, 5), 2)
    assert job.done.is_set()
    assert job.value() == {"counts": {"deleted": 1, "not_found": 1}, "reasons": {"no_match": 3}}


def test_reload_continues_until_every_process_has_reloaded(supervisor, monkeypatch):
    here = [True]
    monkeypatch.setattr(supervisor.mappings, "request_reload", lambda: lambda: here[0])
    running = supervisor.request_reload()
    assert supervisor.events == [(number, "reload") for number in (1, 2, 0)]
    assert running()
    here[0], supervisor.workers[1].is_reloading = False, True
    assert running()
    supervisor.workers[1].is_reloading = False
    assert not running()


def test_messages_of_the_workers_are_decoded_for_the_page(supervisor):
    shown = []
    supervisor.workers[0].sample = [[48, "AAE=", "cGxhbnQ=", 2]]
    supervisor._show_messages(shown.append)
    assert shown == [[(48, b"\x00\x01", b"plant", 2)]]
