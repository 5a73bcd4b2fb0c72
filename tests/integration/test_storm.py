"""The bridge is killed repeatedly at random times, while messages continue to arrive."""

import os
import random
import sys
import threading

import pytest

from tests.harness.publisher import Publisher
from tests.harness.telemetry import telemetry
from tests.integration.arrivals import TELEMETRY, Arrivals, stop_and_balance


def published_while_killed(broker, bridge, *, at_least, qos, rate, kills):
    """Publish telemetry until the bridge has been killed `kills` times. Return the number of messages.

    The bridge runs again at the end. Messages are published until the last kill, so each kill interrupts work.
    """
    seed = int.from_bytes(os.urandom(4))
    print(f"random seed: {seed}")
    instants, killed = random.Random(seed), threading.Event()

    def kill():
        for _ in range(kills):
            killed.wait(instants.uniform(0.0, 1.0))
            bridge.kill()
            bridge.start()
        killed.set()

    def messages():
        for number, message in enumerate(telemetry(sys.maxsize, topics=200)):
            if number >= at_least and (killed.is_set() or not killing.is_alive()):
                return
            yield message

    killing = threading.Thread(target=kill)
    with Publisher(broker.port) as publisher:
        killing.start()
        done = publisher.publish(messages(), qos, rate)
        killing.join()
    assert killed.is_set(), "the bridge did not start again"
    return done.count


def test_messages_outlive_five_kills(mosquitto, kinesis, bridge):
    running = bridge({"press": TELEMETRY})
    arrivals = Arrivals(kinesis)
    count = published_while_killed(mosquitto, running, at_least=5_000, qos=1, rate=800, kills=5)
    arrivals.wait_for_all(range(count))
    ledger = stop_and_balance(running)
    print(f"QoS 1: {count:,} published, {arrivals.duplicates} duplicates arrived")
    assert ledger.total("received") >= count
    assert ledger.total("delivered") == ledger.total("received")
    assert arrivals.counts.total() >= ledger.total("delivered")


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_qos_2_is_exactly_once_in_the_spool_over_three_kills(mosquitto, kinesis, bridge, protocol):
    running = bridge({"press": {**TELEMETRY, "qos": 2}}, mqtt={"protocol": protocol})
    arrivals = Arrivals(kinesis)
    count = published_while_killed(mosquitto, running, at_least=1_000, qos=2, rate=300, kills=3)
    arrivals.wait_for_all(range(count))
    ledger = stop_and_balance(running)
    print(f"QoS 2, MQTT {protocol}: {count:,} published, {arrivals.duplicates} were sent once more after a kill")
    assert ledger.total("received") == ledger.total("delivered") == count
