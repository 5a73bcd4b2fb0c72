import os
import signal
import socket

import pytest

from bridge.errors import SpoolUnwritable
from bridge.notify import STATUS_SECS, Notifier
from tests.rig.bridge_process import BridgeProcess, write_configuration
from tests.rig.mosquitto import Mosquitto
from tests.web.bridges import Bridge, snapshot


class Manager:
    """As systemd: the socket that services speak to."""

    def __init__(self, address):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.settimeout(20)

    def next(self):
        return self._socket.recv(65_536).decode()

    def until(self, wanted):
        while (text := self.next()) != wanted and not text.startswith(wanted):
            pass
        return text

    def waiting(self):
        self._socket.setblocking(False)
        found = []
        try:
            while True:
                found.append(self.next())
        except BlockingIOError:
            return found

    def close(self):
        self._socket.close()


@pytest.fixture
def manager(tmp_path):
    made = Manager(str(tmp_path / "notify"))
    yield made
    made.close()


def notifier(tmp_path, clock=lambda: 1.5, **environ):
    return Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify"), **environ}, clock=clock, pid=7)


def test_each_step_is_told_as_the_protocol_has_it(manager, tmp_path):
    told = notifier(tmp_path)
    told.ready()
    told.reloading()
    told.stopping()
    assert manager.waiting() == ["READY=1", "RELOADING=1\nMONOTONIC_USEC=1500000", "STOPPING=1\nSTATUS=stopping"]


def test_the_watchdog_is_fed_while_there_is_progress_and_not_when_ingest_hangs(manager, tmp_path):
    told, bridge = notifier(tmp_path, WATCHDOG_USEC="60000000", WATCHDOG_PID="7"), Bridge(tmp_path)
    told.feed(bridge)
    assert "WATCHDOG=1" in manager.waiting()
    bridge.hanging = ["the ingest thread has not come by for 31 s"]
    told.feed(bridge)
    assert "WATCHDOG=1" not in manager.waiting()


@pytest.mark.parametrize("environ", [{}, {"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "8"}])
def test_a_watchdog_that_is_off_or_anothers_is_not_fed(manager, tmp_path, environ):
    notifier(tmp_path, **environ).feed(Bridge(tmp_path))
    assert "WATCHDOG=1" not in manager.waiting()


def test_what_is_wrong_is_told_in_one_line_and_once(manager, tmp_path):
    now = [0.0]
    told, bridge = notifier(tmp_path, clock=lambda: now[0]), Bridge(tmp_path)
    bridge.now = snapshot(connected=False, broker="mqtt://b:1883")
    for _ in range(3):
        told.feed(bridge)
        now[0] += STATUS_SECS
    (status,) = manager.waiting()
    assert status.startswith("STATUS=not connected to mqtt://b:1883")
    assert "\n" not in status


def test_a_bridge_that_cannot_be_looked_at_is_told_and_stops_nothing(manager, tmp_path):
    (tmp_path / "mappings").mkdir()
    bridge = Bridge(tmp_path)

    def snapshot():
        raise OSError(24, "Too many open files")

    bridge.snapshot = snapshot
    notifier(tmp_path, WATCHDOG_USEC="60000000", WATCHDOG_PID="7").feed(bridge)
    assert manager.waiting() == ["WATCHDOG=1", "STATUS=cannot look: [Errno 24] Too many open files"]
    bridge.spool.close()


def test_dead_letters_that_cannot_be_read_are_an_error_of_the_spool(tmp_path):
    (tmp_path / "mappings").mkdir()
    bridge = Bridge(tmp_path)
    bridge.spool.reading.close()
    with pytest.raises(SpoolUnwritable):
        bridge.spool.newest_letters(3)
    bridge.spool.close()


def test_without_a_socket_nothing_is_sent_and_one_that_is_gone_stops_nothing(tmp_path):
    Notifier({}).feed(Bridge(tmp_path))
    notifier(tmp_path).ready()


def test_an_abstract_socket_is_spoken_to():
    manager = Manager(f"\0mqtt-kinesis-{os.getpid()}")
    Notifier({"NOTIFY_SOCKET": f"@mqtt-kinesis-{os.getpid()}"}).ready()
    assert manager.next() == "READY=1"
    manager.close()


def test_a_running_bridge_tells_of_its_start_its_reload_and_its_end(manager, tmp_path):
    environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000"}
    with Mosquitto() as broker:
        write_configuration(
            tmp_path,
            mqtt={"url": f"mqtt://127.0.0.1:{broker.port}"},
            kinesis={"endpoint_url": "http://127.0.0.1:1"},
            mappings={"m": {"topic": "t", "outputs": [{"data_stream": "s"}]}},
        )
        with BridgeProcess(tmp_path, environment=environment) as bridge:
            manager.until("READY=1")
            manager.until("WATCHDOG=1")
            bridge.send_signal(signal.SIGHUP)
            manager.until("RELOADING=1")
            manager.until("READY=1")
            assert bridge.stop() == 0
            manager.until("STOPPING=1")
