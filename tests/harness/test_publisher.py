import collections
import json
import subprocess
import sys
import threading
import time

import pytest

from tests.harness.bridge_process import ROOT
from tests.harness.mosquitto import Mosquitto
from tests.harness.network import free_port
from tests.harness.proxy import Proxy
from tests.harness.publisher import Publisher
from tests.harness.subscriber import Subscriber
from tests.harness.telemetry import telemetry


@pytest.fixture(scope="module")
def broker():
    with Mosquitto() as broker:
        yield broker


@pytest.fixture
def publisher(broker):
    with Publisher(broker.port) as publisher:
        yield publisher


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_publisher_delivers_each_message_once_and_in_order(broker, publisher, qos):
    messages = list(telemetry(5_000))
    with Subscriber(broker.port, qos=qos) as subscriber:
        done = publisher.publish(messages, qos)
        assert subscriber.wait_for(len(messages)) == messages
    assert (done.count, done.resent, done.reconnections) == (5_000, 0, 0)


@pytest.mark.parametrize("size", [0, 1, 120, 121, 16_380, 300_000])
def test_payloads_of_any_length(broker, publisher, size):
    with Subscriber(broker.port) as subscriber:
        publisher.publish([("plant/é", bytes(size))])
        assert subscriber.wait_for(1) == [("plant/é", bytes(size))]


def test_publisher_sends_more_messages_than_there_are_packet_ids(broker, publisher):
    with Subscriber(broker.port, "plant/last") as subscriber:
        done = publisher.publish([("plant/any", b"")] * 70_000 + [("plant/last", b"")])
        assert subscriber.wait_for(1) == [("plant/last", b"")]
    assert done.count == 70_001


def test_rate_is_stored(publisher):
    done = publisher.publish(telemetry(400), 1, rate=1_000)
    assert done.seconds >= 0.38


def test_message_is_taken_only_when_it_is_due(publisher):
    taken, begun = [], time.monotonic()

    def messages():
        for number in range(20):
            taken.append(time.monotonic())
            yield f"plant/{number}", b""

    publisher.publish(messages(), 1, rate=100)
    assert taken[-1] - begun >= 0.18


def test_retained_messages_are_stored_by_the_broker(broker, publisher):
    publisher.publish([("plant/retained", b"on")], 1, retain=True)
    with Subscriber(broker.port, "plant/retained") as subscriber:
        assert subscriber.wait_for(1) == [("plant/retained", b"on")]
    publisher.publish([("plant/retained", b"")], 1, retain=True)


def test_publisher_loses_nothing_over_a_lost_connection(broker):
    numbers, arrived = published_over_resets(broker, qos=1)
    assert set(arrived) == numbers


def test_qos_2_is_exactly_once_over_a_lost_connection(broker):
    numbers, arrived = published_over_resets(broker, qos=2)
    assert arrived == collections.Counter(numbers)


def published_over_resets(broker, qos):
    messages = [("plant/number", b"%d" % number) for number in range(6_000)]
    with (
        Proxy(broker.port) as proxy,
        Subscriber(broker.port, "plant/number", qos=2) as subscriber,
        Publisher(proxy.port, client_id=f"reset-{qos}", window=500) as publisher,
    ):
        timers = [threading.Timer(secs, proxy.reset) for secs in (0.2, 0.4, 0.6)]
        for timer in timers:
            timer.start()
        done = publisher.publish(messages, qos, rate=8_000)
        publisher.publish([("plant/number", b"last")], qos)
        while subscriber.wait_for(len(messages) + 1)[-1][1] != b"last":
            time.sleep(0.01)
    assert done.reconnections >= 1
    counted = collections.Counter(payload for _, payload in subscriber.messages)
    del counted[b"last"]
    return {payload for _, payload in messages}, counted


def test_broker_that_is_away_too_long_is_an_error():
    with Publisher(free_port(), patience_secs=0.2) as publisher, pytest.raises(TimeoutError):
        publisher.publish([("plant/press", b"")])


def test_refused_connection_is_an_error():
    with Mosquitto(users={"press": "right"}) as broker:
        wrong = Publisher(broker.port, username="press", password="wrong")
        with wrong as publisher, pytest.raises(RuntimeError, match="return code 5"):
            publisher.publish([("plant/press", b"")])


def test_publisher_as_a_process_prints_the_number_of_messages(broker):
    command = [sys.executable, "-m", "tests.harness.publisher", "--port", str(broker.port), "--count", "500"]
    with Subscriber(broker.port, "factory/#") as subscriber:
        printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout
        assert subscriber.wait_for(500) == list(telemetry(500))
    assert json.loads(printed)["count"] == 500


def test_telemetry_is_two_hundred_bytes_of_json():
    payloads = [payload for _, payload in telemetry(30_000)]
    assert 190 <= sum(map(len, payloads)) / len(payloads) <= 210
    assert json.loads(payloads[1_234])["count"] == 1_234


def test_telemetry_is_spread_over_its_topics():
    assert len({topic for topic, _ in telemetry(1_000, topics=200)}) == 200
