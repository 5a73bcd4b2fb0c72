"""Problems of `run --workers`: with the name of the worker, or shown once if all workers have the problem."""

import urllib.error
import urllib.request

import pytest

from bridge.errors import SpoolInUse
from bridge.spool.lock import FolderLock
from tests.harness.publisher import Publisher
from tests.harness.telemetry import telemetry
from tests.integration.arrivals import eventually

pytestmark = pytest.mark.slow


def problems(running):
    return [(each["code"], each["worker"]) for each in running.status()["problems"]]


def locked_out(running, number):
    """Kill a worker and keep its spool locked, so that each restart fails."""
    while True:
        running.kill_worker(number)
        try:
            return FolderLock(running.worker_folder(number))
        except SpoolInUse:
            continue  # the worker was already restarted: kill the new process


def readiness(port):
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code


def test_worker_that_is_down_is_an_error_with_its_name_until_it_runs_again(workers, free_port):
    running = workers(2, http={"listen": f"127.0.0.1:{free_port}"})
    eventually(lambda: running.status()["state"] == "ok", "both workers run")
    lock = locked_out(running, 2)
    try:
        eventually(lambda: ("worker-down", "worker 2") in problems(running), "worker 2 is reported")
        shown = running.command("status")
        assert (shown.returncode, "worker 2: the process is not running" in shown.stdout) == (1, True)
        assert readiness(free_port) == 503
        assert running.status()["state"] == "failing"
    finally:
        lock.close()
    eventually(lambda: running.status()["state"] == "ok", "worker 2 runs again", timeout_secs=90)
    assert readiness(free_port) == 200
    running.stop_and_balance()


def test_outage_of_all_workers_is_one_problem_with_all_records(workers, mosquitto, kinesis):
    running = workers(2)
    kinesis.control({"delete": "telemetry"})
    with Publisher(mosquitto.port) as publisher:
        publisher.publish(telemetry(400), 1)
    eventually(lambda: problems(running) == [("stream-refused", "")], "one problem of both workers", timeout_secs=60)
    [refused] = running.status()["problems"]
    assert refused["buffered_records"] == 400
    assert refused["safe"] == "400 records buffered on disk; none lost"
    kinesis.create("telemetry", 2)
    eventually(lambda: running.status()["state"] == "ok", "it is delivered", timeout_secs=110)
    running.stop_and_balance()
