"""Change from one process to workers and back, with a backlog in the unused spools. Workers divide the link."""

import time

import pytest

from tests.harness.ledger import read_ledger
from tests.harness.publisher import Publisher
from tests.harness.telemetry import TOPIC_FILTER, telemetry
from tests.integration.arrivals import TELEMETRY, Arrivals, eventually

pytestmark = pytest.mark.slow

REMEMBERING = {**TELEMETRY, "changes": {"value": "payload.count"}}


def waits(running, number):
    return read_ledger(running.worker_folder(number)).in_queues


def test_backlog_of_one_process_is_drained_by_its_workers(workers, mosquitto, kinesis):
    running, arrivals = workers(0, stop_secs=1), Arrivals(kinesis)
    with Publisher(mosquitto.port) as publisher:
        kinesis.fault("error")
        publisher.publish(telemetry(300), 1)
        eventually(lambda: waits(running, 0) == 300, "a backlog in the spool")
        running.stop()
        kinesis.clear()
        publisher.publish(telemetry(100, first=300), 1)  # the broker queues them in the session
        running.count = 2
        running.start()
        publisher.publish(telemetry(200, first=400), 1)
        running.wait_drained(1)
    [told] = [
        line["event"] for line in running.log(since_start=True) if "spool of an earlier run" in (line["event"] or "")
    ]
    assert "/data (records are buffered, and the broker may queue messages for its session)" in told
    assert "draining it in process 'bridge'" in told
    arrivals.wait_for_all(range(600))
    assert running.status()["workers"][-1]["state"] == "drained"
    assert running.stop() == 0, running.stderr()[-3000:]
    assert running.check_ledgers(600)[0].total("delivered") >= 400


def test_first_run_with_workers_refuses_an_unshareable_mapping(workers, mosquitto, kinesis):
    running = workers(0, {"press": REMEMBERING}, stop_secs=1)
    with Publisher(mosquitto.port) as publisher:
        kinesis.fault("error")
        publisher.publish(telemetry(10), 1)
        eventually(lambda: waits(running, 0), "a backlog in the spool")
        running.stop()
        before = waits(running, 0)
        refused = running.command("run", "--workers", "2")
        assert refused.returncode == 2
        assert "mappings/press.yaml" in refused.stderr
        assert "changes" in refused.stderr
        assert waits(running, 0) == before
        assert not running.worker_folder(1).exists()
        kinesis.clear()
        running.start()
        eventually(lambda: not waits(running, 0), "it goes on as before")


def test_bandwidth_of_a_drained_worker_goes_to_the_others(workers, mosquitto, kinesis):
    rate, large = 200_000, {"topic": TOPIC_FILTER, "outputs": TELEMETRY["outputs"]}
    kinesis.fault("error")
    running = workers(2, {"press": large}, link={"max_bytes_per_sec": rate})
    with Publisher(mosquitto.port) as publisher:
        publisher.publish(telemetry(4_000), 1)
        # There may be more: if a worker acknowledges slowly, the broker may deliver a message to the other worker too.
        eventually(lambda: waits(running, 1) + waits(running, 2) >= 4_000, "all is spooled")
        kinesis.clear()
        assert 0.6 * rate < speed(kinesis, 4 * rate) < 1.6 * rate
        running.count = 1
        running.restart()
        running.wait_drained(1)
        publisher.publish(telemetry(4_000, first=4_000), 1)
        assert 0.6 * rate < speed(kinesis, 4 * rate) < 1.6 * rate


def speed(kinesis, count):
    """Return the bytes per second at which the stand-in receives the next `count` bytes."""
    started = kinesis.received_bytes
    eventually(lambda: kinesis.received_bytes > started + 30_000, "it sends", timeout_secs=60)
    first, at = kinesis.received_bytes, time.monotonic()
    eventually(lambda: kinesis.received_bytes > first + count, "it goes on sending", timeout_secs=60)
    return (kinesis.received_bytes - first) / (time.monotonic() - at)
