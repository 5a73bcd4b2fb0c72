"""Tests of a worker's main loop over a real channel. Only the bridge is a fake."""

import os
import threading

import pytest

from bridge.runtime.process_memory import MallocTuning
from bridge.runtime.signals import Signals
from bridge.supervisor.channel import SupervisorChannel, WorkerChannel
from bridge.supervisor.worker_main import WorkerMain
from tests.web.bridges import snapshot


class Bridge:
    """Fake of a `Service`, with the attributes that a worker uses."""

    def __init__(self):
        self.crashed, self.left, self.asked = threading.Event(), False, []

    def start(self):
        pass

    def snapshot(self):
        raise OSError(24, "Too many open files")

    def stalled(self):
        return []

    def limit_uplink(self, bytes_per_sec):
        self.asked.append(bytes_per_sec)

    def stop(self, secs):
        self.asked.append(secs)
        return True

    def totals(self):
        return {}


@pytest.fixture
def supervisor():
    channel = SupervisorChannel()
    yield channel
    channel.close()


@pytest.mark.parametrize("draining", [False, True])
def test_failure_of_a_snapshot_is_logged_and_stops_nothing(supervisor, draining):
    bridge, end, codes = Bridge(), WorkerChannel(os.dup(supervisor.theirs.fileno())), []
    supervisor.theirs.close()
    worker = WorkerMain(bridge, end, MallocTuning(), draining=draining)
    with end._socket, Signals() as signals:
        thread = threading.Thread(target=lambda: codes.append(worker.run(signals, 5.0)))
        thread.start()
        assert supervisor.request("status", 10)["error"] == "[Errno 24] Too many open files"
        bridge.snapshot = snapshot
        assert supervisor.request("status", 10)["snapshot"]["received_messages"] == 100
        supervisor.notify("link", bytes_per_sec=7)
        supervisor.notify("stop", secs=3)
        thread.join(10)
    assert (codes, bridge.asked) == ([0], [7, 3.0])
