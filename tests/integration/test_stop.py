"""Stops of the bridge: under load, and without waiting."""

import threading
import time

import pytest

from tests.harness.publisher import Publisher
from tests.harness.telemetry import telemetry
from tests.integration.arrivals import TELEMETRY, Arrivals, balanced_ledger, eventually, stop_and_balance

COUNT = 8_000


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_sigterm_under_load_ends_within_the_deadline_and_loses_nothing(mosquitto, kinesis, bridge, protocol):
    running = bridge({"press": TELEMETRY}, mqtt={"protocol": protocol}, stop_secs=30)
    arrivals = Arrivals(kinesis)
    with Publisher(mosquitto.port) as publisher:
        publishing = threading.Thread(target=publisher.publish, args=(telemetry(COUNT), 1, 2_500))
        publishing.start()
        arrivals.wait_for(1_000)
        asked_at = time.monotonic()
        assert running.stop() == 0, running.stderr()
        assert time.monotonic() - asked_at < 30
        balanced_ledger(running)
        assert len(arrivals.read()) < COUNT
        running.start()
        publishing.join()
    arrivals.wait_for_all(range(COUNT))
    stop_and_balance(running)
    assert arrivals.duplicates == 0


def test_second_signal_ends_it_at_once_and_loses_nothing(mosquitto, kinesis, bridge):
    running, arrivals = bridge({"press": TELEMETRY}), Arrivals(kinesis)
    kinesis.fault("hang")
    with Publisher(mosquitto.port) as publisher:
        publisher.publish(telemetry(500), 1)
    eventually(lambda: kinesis.operations["PutRecords", "telemetry"], "a request that hangs")
    running.send_signal(15)
    eventually(lambda: "Client bridge disconnected" in mosquitto.log(), "the session is left: the stop has begun")
    asked_at = time.monotonic()
    running.send_signal(2)
    assert running.wait() == 130
    assert time.monotonic() - asked_at < 30
    kinesis.clear()
    running.start()
    arrivals.wait_for_all(range(500))
    stop_and_balance(running)


def test_request_that_hangs_does_not_hold_up_a_stop_beyond_its_deadline(mosquitto, kinesis, bridge):
    running, arrivals = bridge({"press": TELEMETRY}, stop_secs=1), Arrivals(kinesis)
    kinesis.fault("hang")
    with Publisher(mosquitto.port) as publisher:
        publisher.publish(telemetry(500), 1)
    eventually(lambda: kinesis.operations["PutRecords", "telemetry"], "a request that hangs")
    asked_at = time.monotonic()
    assert running.stop() == 1
    assert time.monotonic() - asked_at < 30
    kinesis.clear()
    running.start()
    arrivals.wait_for_all(range(500))
    stop_and_balance(running)
