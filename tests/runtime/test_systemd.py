import contextlib
import os
import signal

import pytest

from bridge.errors import SpoolWriteError
from bridge.monitoring.flow import Flow
from bridge.runtime.systemd import FIRST_SECS, STATUS_SECS, SystemdNotifier
from tests.cli.builders import set_up
from tests.harness.bridge_process import BridgeProcess, write_configuration
from tests.harness.mosquitto import Mosquitto
from tests.harness.service_manager import ServiceManager
from tests.web.bridges import Bridge, snapshot


@pytest.fixture
def manager(tmp_path):
    with ServiceManager(str(tmp_path / "notify")) as made:
        yield made


@pytest.fixture
def notifier(tmp_path):
    """Return a function that creates a notifier with the socket of `manager`.

    Its keywords are environment variables.
    """
    with contextlib.ExitStack() as sockets:

        def make(clock=lambda: 1.5, **environ):
            made = SystemdNotifier({"NOTIFY_SOCKET": str(tmp_path / "notify"), **environ}, clock=clock, pid=7)
            sockets.enter_context(made._socket)
            return made

        yield make


def test_notifier_reports_each_step_by_the_protocol(manager, tmp_path, notifier):
    told = notifier()
    told.ready()
    told.stopping()
    assert manager.waiting() == ["READY=1\nSTATUS=connecting", "STOPPING=1\nSTATUS=stopping"]


def test_bridge_that_has_just_started_is_given_the_time_to_connect(manager, tmp_path, notifier):
    now = [0.0]
    set_up(tmp_path)
    told, bridge = notifier(clock=lambda: now[0]), Bridge(tmp_path)
    told.ready()
    told.feed(bridge)
    assert manager.waiting() == ["READY=1\nSTATUS=connecting"]
    now[0] += FIRST_SECS
    told.feed(bridge)
    assert manager.waiting()[-1] == "STATUS=OK: receiving, spooling and delivering"
    bridge.spool.close()


def test_reload_is_reported_before_it_begins_and_with_its_outcome(manager, tmp_path, notifier):
    told, bridge, to_come = notifier(), Bridge(tmp_path), [True]
    heard_at_its_begin = []

    def ask():
        heard_at_its_begin.extend(manager.waiting())
        return lambda: to_come[0]

    told.reload(ask)
    assert heard_at_its_begin == ["RELOADING=1\nMONOTONIC_USEC=1500000"]
    told.feed(bridge)
    assert told.reloading
    assert "READY=1" not in manager.waiting()
    to_come[0] = False
    told.feed(bridge)
    assert not told.reloading
    status, ready = manager.waiting()
    assert (status.startswith("STATUS=reloaded: 0 mappings active"), ready) == (True, "READY=1")
    bridge.spool.close()


def test_systemd_status_names_a_file_until_it_loads(manager, tmp_path, notifier):
    now, mappings = [0.0], tmp_path / "mappings"
    mappings.mkdir()
    (mappings / "press.yaml").write_text("topic: a\noutputs: [{data_stream: s}]\n")
    (mappings / "oven.yaml").write_text("topic: a\noutputs: [{data_steam: s}]\n")
    told, bridge = notifier(clock=lambda: now[0]), Bridge(tmp_path)
    told.reload(lambda: lambda: False)
    told.feed(bridge)
    now[0] += STATUS_SECS
    told.feed(bridge)
    outcome, standing = [text for text in manager.waiting() if text.startswith("STATUS")]
    assert outcome.startswith("STATUS=reloaded: 1 mapping active; mappings/oven.yaml:2:")
    assert outcome.endswith(" (and 1 more, see `check`)")
    assert standing.startswith("STATUS=WARNING: mapping oven: not loaded, since ")
    assert "mappings/oven.yaml:2:" in standing
    bridge.spool.close()


def test_status_is_not_longer_than_systemd_accepts(manager, tmp_path, notifier):
    told, bridge = notifier(), Bridge(tmp_path)
    bridge.now = snapshot(connected=False, subscribed=False, broker="é" * 10_000)
    told.feed(bridge)
    (status,) = manager.waiting()
    assert 1_000 < len(status.encode()) < 4_096
    bridge.spool.close()


def test_watchdog_is_fed_only_while_ingest_makes_progress(manager, tmp_path, notifier):
    told, bridge = notifier(WATCHDOG_USEC="60000000", WATCHDOG_PID="7"), Bridge(tmp_path)
    told.feed(bridge)
    assert "WATCHDOG=1" in manager.waiting()
    bridge.hanging = ["the ingest thread has made no progress for 31 s"]
    told.feed(bridge)
    assert "WATCHDOG=1" not in manager.waiting()


@pytest.mark.parametrize("environ", [{}, {"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "8"}])
def test_watchdog_that_is_off_or_of_another_process_is_not_notified(manager, tmp_path, environ, notifier):
    notifier(**environ).feed(Bridge(tmp_path))
    assert "WATCHDOG=1" not in manager.waiting()


def test_problem_is_reported_once_in_one_line(manager, tmp_path, notifier):
    now = [0.0]
    set_up(tmp_path)
    told, bridge = notifier(clock=lambda: now[0]), Bridge(tmp_path)
    bridge.now = snapshot(connected=False, subscribed=False, broker="mqtt://b:1883")
    bridge.flow = Flow(unsubscribed_secs=60.0)
    for _ in range(3):
        told.feed(bridge)
        now[0] += STATUS_SECS
    (status,) = manager.waiting()
    assert status.startswith("STATUS=ERROR: no MQTT session with mqtt://b:1883, since ")
    assert "\n" not in status


def test_bridge_that_cannot_be_looked_at_is_reported_and_stops_nothing(manager, tmp_path, notifier):
    (tmp_path / "mappings").mkdir()
    bridge = Bridge(tmp_path)

    def snapshot():
        raise OSError(24, "Too many open files")

    bridge.snapshot = snapshot
    notifier(WATCHDOG_USEC="60000000", WATCHDOG_PID="7").feed(bridge)
    assert manager.waiting() == [
        "WATCHDOG=1",
        "STATUS=ERROR: the status cannot be read: [Errno 24] Too many open files",
    ]
    bridge.spool.close()


def test_dead_letters_that_cannot_be_read_are_an_error_of_the_spool(tmp_path):
    (tmp_path / "mappings").mkdir()
    bridge = Bridge(tmp_path)
    bridge.spool.reading.close()
    with pytest.raises(SpoolWriteError):
        bridge.spool.newest_dead_letters(3)
    bridge.spool.close()


def test_missing_or_removed_notify_socket_is_ignored(tmp_path, notifier):
    SystemdNotifier({}).feed(Bridge(tmp_path))
    notifier().ready()


def test_abstract_socket_is_spoken_to():
    with ServiceManager(f"\0mqtt-kinesis-{os.getpid()}") as manager:
        told = SystemdNotifier(manager.environment)
        with told._socket:
            told.ready()
        assert manager.next().startswith("READY=1")


def test_running_bridge_reports_of_its_start_its_reload_and_its_end(manager, tmp_path):
    with Mosquitto() as broker:
        write_configuration(
            tmp_path,
            mqtt={"url": f"mqtt://127.0.0.1:{broker.port}"},
            kinesis={"endpoint_url": "http://127.0.0.1:1"},
            mappings={"m": {"topic": "t", "outputs": [{"data_stream": "s"}]}},
        )
        with BridgeProcess(tmp_path, environment=manager.environment) as bridge:
            manager.until("READY=1")
            manager.until("WATCHDOG=1")
            bridge.send_signal(signal.SIGHUP)
            manager.until("RELOADING=1")
            assert manager.until("STATUS=reloaded") == "STATUS=reloaded: 1 mapping active"
            manager.until("READY=1")
            assert bridge.stop() == 0
            manager.until("STOPPING=1")
