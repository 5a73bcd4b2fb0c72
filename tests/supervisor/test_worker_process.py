"""Tests of `WorkerProcess` with real processes and channels, and with a simulated clock."""

import sys
from pathlib import Path

import orjson
import pytest

from bridge.supervisor.worker_process import HUNG_SECS, LONGEST_PAUSE_SECS, SETTLED_SECS, WorkerProcess
from bridge.supervisor.workers import WorkerSlot
from tests.harness.workers import alive
from tests.integration.arrivals import eventually
from tests.web.bridges import snapshot

ANSWERING = """
import sys
from bridge.supervisor.channel import WorkerChannel
import orjson, pathlib
end, told = WorkerChannel(int(sys.argv[-1])), pathlib.Path(sys.argv[1])
other = told.with_suffix(".now")
left = int(sys.argv[2])
while not end.disconnected:
    for request in end.requests():
        if left:
            left -= 1
            end.respond(request, orjson.loads((other if other.exists() else told).read_bytes()))
"""


class Clock:
    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def made(tmp_path, clock):
    """Return a function that creates a worker with the given command. Its process is killed at the end of the test."""
    workers = []

    def make(*command, draining=False):
        slot = WorkerSlot(2, draining)
        workers.append(WorkerProcess(slot, [sys.executable, *command], snapshot(), tmp_path / "worker-2", clock))
        return workers[-1]

    yield make
    for worker in workers:
        worker.kill()
        worker.wait(clock.now + 10)


@pytest.fixture
def answering(tmp_path, made):
    """Return a function answering(times): it creates a worker that responds so often, and then hangs."""

    def make(times, stalled=()):
        told, code = tmp_path / "told.json", tmp_path / "answering.py"
        told.write_bytes(orjson.dumps({"snapshot": snapshot(received_messages=7).to_json(), "stalled": stalled}))
        code.write_text(ANSWERING)
        return made(str(code), str(told), str(times))

    return make


def ended(worker):
    """Call `check` until the process has ended."""
    eventually(lambda: worker.check() or not worker.pid, "the process has ended")
    return worker.status()


def test_worker_without_a_response_is_killed_once_and_restarted(answering, clock, caplog):
    worker = answering(1)
    worker.check()
    first = worker.pid
    eventually(lambda: worker.refresh(0.0) or worker.active, "it has told how it stands")
    clock.now += HUNG_SECS - 1
    worker.check()
    assert alive(first)
    clock.now += 2
    worker.check()
    worker.check()
    status = ended(worker)
    assert (status.state, status.received_messages, status.connected) == ("restarting", 7, False)
    assert status.detail.startswith("it hung (no response for 30 s) and was killed; restart")
    assert caplog.text.count("worker 2 does not respond, or makes no progress (no response for 30 s)") == 1
    clock.now += 2
    worker.check()
    assert worker.pid not in (0, first)
    assert not alive(first)


def test_worker_that_reports_itself_that_it_makes_no_progress_is_killed(answering, clock, caplog):
    worker = answering(99, stalled=["the ingest thread has made no progress for 31 s"])
    worker.check()
    eventually(lambda: worker.refresh(0.0) or worker.active, "it has told how it stands")
    assert ended(worker).state == "restarting"
    assert "makes no progress (the ingest thread has made no progress for 31 s): killing it" in caplog.text


def test_worker_without_a_first_report_is_not_killed(answering, clock):
    worker = answering(0)
    worker.check()
    clock.now += 100 * HUNG_SECS
    worker.check()
    assert alive(worker.pid)
    assert worker.status().state == "starting"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (0, "it stopped without a request"),
        (1, "it could not start, or not stop in time: see its log"),
        (2, "the configuration or the mappings do not load any more: see its log"),
        (70, "it crashed: see its log"),
        (9, "exit code 9"),
    ],
)
def test_worker_that_ends_at_once_is_reported_with_the_reason(made, code, why, caplog):
    worker = made("-c", f"raise SystemExit({code})")
    worker.check()
    status = ended(worker)
    assert (status.state, status.restarts) == ("restarting", 1)
    assert status.detail == f"{why}; restart 1"
    assert status.last_end == why
    assert f"worker 2 ended: {why}; restarting it in " in caplog.text


def deaths(worker, clock, count, lived=0.0):
    """Return the pauses before each restart, while the process ends each time after `lived` seconds."""
    pauses = []
    for _ in range(count):
        if not worker.pid:  # a process that was just started may have ended already: another check would count its end
            worker.check()
        assert worker.pid
        clock.now += lived
        ended(worker)
        died = clock.now
        while not worker.pid:
            clock.now += 0.25
            worker.check()
        pauses.append(clock.now - died)
        worker.kill()
    return pauses


def test_crashing_worker_is_restarted_at_most_once_a_minute(made, clock):
    pauses = deaths(made("-c", ""), clock, 8)
    bounds = [min(LONGEST_PAUSE_SECS, 2**number) for number in range(8)]
    assert all(longest / 2 <= pause <= longest + 0.25 for pause, longest in zip(pauses, bounds, strict=True)), pauses


def test_worker_that_ran_for_a_while_is_restarted_soon(made, clock):
    worker = made("-c", "")
    deaths(worker, clock, 5)
    assert max(deaths(worker, clock, 2, lived=SETTLED_SECS + 1)) <= 1.25


def test_worker_that_cannot_be_started_is_retried(tmp_path, clock):
    worker = WorkerProcess(WorkerSlot(2), [str(tmp_path / "none")], snapshot(), tmp_path, clock)
    worker.check()
    assert worker.status().detail.startswith("it cannot be started: No such file or directory")
    assert worker.status().state == "restarting"


def test_worker_killed_by_a_signal_is_reported_with_its_name(made):
    worker = made("-c", "import os; os.kill(os.getpid(), 11)")
    worker.check()
    assert ended(worker).detail.startswith("it was killed by SIGSEGV; ")


def test_worker_killed_by_a_signal_without_a_name_is_restarted(made):
    worker = made("-c", "import os; os.kill(os.getpid(), 40)")
    assert ended(worker).last_end == "it was killed by signal 40"
    assert worker.restarts == 1


def test_worker_that_cannot_report_is_alive_with_its_last_state(answering, clock):
    worker = answering(99)
    worker.check()
    eventually(lambda: worker.refresh(0.0) or worker.active, "it has told how it stands")
    Path(worker.folder.parent / "told.json").with_suffix(".now").write_text('{"error": "Too many open files"}')
    for _ in range(3):
        clock.now += HUNG_SECS - 5
        worker.refresh(0.0)
        worker.check()
    assert alive(worker.pid)
    assert worker.snapshot().received_messages == 7


def test_worker_that_has_drained_is_not_started_again(made, clock):
    worker = made("-c", "", draining=True)
    worker.check()
    assert ended(worker).state == "drained"
    clock.now += 1_000
    worker.check()
    assert not worker.pid
    assert worker.wait(clock.now) is True


def test_stop_between_two_starts_ends_at_once(made, clock):
    worker = made("-c", "raise SystemExit(70)")
    worker.check()
    ended(worker)
    worker.stop(5)
    assert worker.wait(clock.now + 5) is True
    clock.now += 100
    worker.check()
    assert (worker.pid, worker.status().state) == (0, "stopped")


def test_worker_that_does_not_stop_in_time_is_killed(answering, clock):
    worker = answering(99)
    worker.check()
    pid = worker.pid
    worker.stop(0.1)
    assert worker.wait(clock.now + 0.2) is False
    assert not alive(pid)
    assert worker.status().state == "stopped"


def test_channel_belongs_to_one_worker_only(made, tmp_path):
    """Otherwise, a worker would not notice the end of its supervisor."""
    first, second = (made("-c", "import time; time.sleep(60)") for _ in range(2))
    first.check()
    second.check()
    files = [file.readlink().name for file in Path(f"/proc/{second.pid}/fd").iterdir()]
    assert sum(name.startswith("socket:") for name in files) == 1
