"""The bridge is killed again and again at random instants, while messages keep coming."""

import os
import random
import threading
import time

import pytest

from tests.integration.arrivals import TELEMETRY, Arrivals, stop_and_balance
from tests.rig.publisher import Publisher
from tests.rig.telemetry import telemetry


def published_while_killed(broker, bridge, arrivals, *, count, qos, rate, kills):
    """Publish telemetry while the bridge is killed so often and started again; it is running at the end."""
    seed = int.from_bytes(os.urandom(4))
    print(f"random seed: {seed}")
    instants = random.Random(seed)
    publisher = Publisher(broker.port)
    publishing = threading.Thread(target=publisher.publish, args=(telemetry(count, topics=200), qos, rate))
    with publisher:
        publishing.start()
        for _ in range(kills):
            time.sleep(instants.uniform(0.0, 1.0))
            assert len(arrivals.read()) < count, "nothing was left to do when the bridge was killed"
            bridge.kill()
            bridge.start()
        publishing.join()


def test_fifty_thousand_messages_outlive_ten_kills(mosquitto, kinesis, bridge):
    running = bridge({"press": TELEMETRY})
    arrivals = Arrivals(kinesis)
    published_while_killed(mosquitto, running, arrivals, count=50_000, qos=1, rate=3_000, kills=10)
    arrivals.wait_for_all(range(50_000))
    books = stop_and_balance(running)
    print(f"QoS 1: 50,000 published, {arrivals.duplicates} duplicates arrived")
    assert books.total("received") >= 50_000
    assert books.total("delivered") == books.total("received")
    assert arrivals.counts.total() >= books.total("delivered")


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_qos_2_is_exactly_once_in_the_spool_over_five_kills(mosquitto, kinesis, bridge, protocol):
    running = bridge({"press": {**TELEMETRY, "qos": 2}}, mqtt={"protocol": protocol})
    arrivals = Arrivals(kinesis)
    published_while_killed(mosquitto, running, arrivals, count=6_000, qos=2, rate=800, kills=5)
    arrivals.wait_for_all(range(6_000))
    books = stop_and_balance(running)
    print(f"QoS 2, MQTT {protocol}: 6,000 published, {arrivals.duplicates} were sent once more after a kill")
    assert books.total("received") == books.total("delivered") == 6_000
