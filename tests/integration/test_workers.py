"""Command `run --workers N` with a real broker: killed workers, a killed supervisor, and fewer workers than before."""

import json
import os
import signal
import threading
import time

import pytest

from tests.harness.bridge_process import write_configuration
from tests.harness.ledger import read_ledger
from tests.harness.mosquitto import Mosquitto
from tests.harness.publisher import Publisher
from tests.harness.service_manager import ServiceManager
from tests.harness.telemetry import telemetry
from tests.harness.workers import Workers, alive
from tests.integration.arrivals import TELEMETRY, Arrivals, eventually


def test_workers_divide_messages_and_a_killed_one_restarts(workers, mosquitto, kinesis):
    running, arrivals = workers(3), Arrivals(kinesis)
    count = 3_000
    with Publisher(mosquitto.port) as publisher:
        publishing = threading.Thread(target=publisher.publish, args=(telemetry(count), 1, 1_500))
        publishing.start()
        arrivals.wait_for(500)
        first = running.pid_of(2)
        running.kill_worker(2)
        eventually(lambda: running.pid_of(2) != first, "worker 2 is started again")
        publishing.join()
    arrivals.wait_for_all(range(count))
    assert any("worker 2 ended: it was killed by SIGKILL" in (line["event"] or "") for line in running.log())
    eventually(lambda: not any(row["spooled"] for row in running.status()["ledger"]), "all is settled")
    told = running.status()
    assert [(each["state"], each["restarts"]) for each in told["workers"]] == [
        ("running", 0),
        ("running", 1),
        ("running", 0),
    ]
    assert (told["balanced"], told["subscribed"]) == (True, True)
    assert running.stop() == 0, running.stderr()[-3000:]
    ledger = running.check_ledgers(count)
    assert all(each.total("received") > count // 10 for each in ledger.values())
    assert running.log()[-1]["received"] == sum(each.total("received") for each in ledger.values())


def test_workers_share_in_3_1_1_if_the_broker_refuses_mqtt_5(tmp_path, kinesis):
    with Mosquitto(persistence=True, refuses_mqtt5=True) as broker:
        ends = {"mqtt": {"url": f"mqtt://127.0.0.1:{broker.port}"}, "kinesis": {"endpoint_url": kinesis.url}}
        write_configuration(tmp_path, mappings={"press": TELEMETRY}, **ends)
        with Workers(tmp_path, 2) as running, Publisher(broker.port) as publisher:
            publisher.publish(telemetry(300), 1)
            running.kill_worker(2)
            publisher.publish(telemetry(300, first=300), 1)
            Arrivals(kinesis).wait_for_all(range(600))
            assert running.stop() == 0, running.stderr()[-3000:]
            ledger = running.check_ledgers(600)
            assert all(each.total("received") > 100 for each in ledger.values())
            assert "MQTT 3.1.1 has no shared subscriptions of its own" in running.stderr()


def test_workers_of_a_killed_supervisor_stop_and_the_next_one_continues(workers, mosquitto, kinesis):
    running, arrivals = workers(2), Arrivals(kinesis)
    pids = [running.pid_of(1), running.pid_of(2)]
    with Publisher(mosquitto.port) as publisher:
        publisher.publish(telemetry(500), 1)
        running.kill()
        eventually(lambda: not any(alive(pid) for pid in pids), "the workers stop by themselves")
        publisher.publish(telemetry(500, first=500), 1)
    assert sum(line["event"] == "the supervisor has ended: stopping" for line in running.log()) == 2
    running.start()
    arrivals.wait_for_all(range(1_000))
    assert running.stop() == 0, running.stderr()[-3000:]
    running.check_ledgers(1_000)


def test_reload_ends_for_systemd_when_every_worker_has_reloaded(workers, mosquitto, kinesis, tmp_path):
    with ServiceManager(str(tmp_path / "notify")) as manager:
        press = {**TELEMETRY, "transform": "{count: payload.count, version: `1`}"}
        running = workers(2, {"press": press}, environment=manager.environment)
        arrivals = Arrivals(kinesis, number=lambda data: json.loads(data)["version"])
        file = running.folder / "mappings" / "press.yaml"
        text, status = file.read_text(), file.stat()
        file.write_text(text.replace("`1`", "`2`"))
        # With unchanged times, only the signal makes the bridge load the file.
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
        running.send_signal(signal.SIGHUP)
        assert manager.until("STATUS=reloaded") == "STATUS=reloaded: 1 mapping active"
        manager.until("READY=1")
        with Publisher(mosquitto.port) as publisher:
            publisher.publish(telemetry(200), 1)
        eventually(lambda: arrivals.read().total() == 200, "all messages")
        assert set(arrivals.counts) == {2}


def test_second_signal_ends_supervisor_and_workers_at_once(workers, mosquitto, kinesis):
    running = workers(2, stop_secs=60)
    pids = [running.pid_of(1), running.pid_of(2)]
    kinesis.fault("hang")
    with Publisher(mosquitto.port) as publisher:
        publisher.publish(telemetry(500), 1)
    eventually(lambda: kinesis.operations["PutRecords", "telemetry"] > 1, "requests that hang")
    running.send_signal(signal.SIGTERM)
    eventually(lambda: "Client bridge-1 disconnected" in mosquitto.log(), "the stop has begun")
    asked_at = time.monotonic()
    running.send_signal(signal.SIGINT)
    assert running.wait() == 130
    eventually(lambda: not any(alive(pid) for pid in pids), "the workers are gone")
    assert time.monotonic() - asked_at < 30


@pytest.mark.slow
def test_spool_of_a_removed_worker_is_drained(workers, mosquitto, kinesis):
    running, arrivals = workers(2, stop_secs=1), Arrivals(kinesis)
    with Publisher(mosquitto.port) as publisher:
        kinesis.fault("error")
        publisher.publish(telemetry(900), 1)
        running.stop()
        kinesis.clear()
        publisher.publish(telemetry(600, first=900), 1)  # the broker queues a part of them in each session
        running.count = 1
        running.start()
        running.wait_drained(1)
        publisher.publish(telemetry(300, first=1_500), 1)
    arrivals.wait_for_all(range(1_800))
    told = running.status()
    assert [(each["name"], each["state"]) for each in told["workers"]] == [
        ("worker 1", "running"),
        ("worker 2", "drained"),
    ]
    assert running.stop() == 0, running.stderr()[-3000:]
    running.check_ledgers(1_800)


@pytest.mark.slow
def test_run_without_workers_drains_what_workers_left(workers, mosquitto, kinesis):
    running, arrivals = workers(2, stop_secs=1), Arrivals(kinesis)
    with Publisher(mosquitto.port) as publisher:
        kinesis.fault("error")
        publisher.publish(telemetry(200), 1)
        eventually(lambda: sum(each.in_queues for each in running.ledger().values()) == 200, "a backlog in the spools")
        running.stop()
        kinesis.clear()
        publisher.publish(telemetry(200, first=200), 1)
        running.count = 0
        running.start()
        warned = [
            line["event"]
            for line in running.log(since_start=True)
            if "spool of an earlier run" in (line["event"] or "")
        ]
        assert len(warned) == 2
        why = "records are buffered, and the broker may queue messages for its session"
        assert f"/worker-1 ({why})" in warned[0]
        running.wait_drained(2)
        publisher.publish(telemetry(200, first=400), 1)
    arrivals.wait_for_all(range(600))
    assert running.stop() == 0, running.stderr()[-3000:]
    assert read_ledger(running.folder / "data").total("received") >= 200
    running.start()  # all spools are drained, so there is only one process
    assert not any("started" in (line["event"] or "") for line in running.log(since_start=True))
