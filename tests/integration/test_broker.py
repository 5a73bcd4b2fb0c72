"""The broker restarts, or no longer responds."""

import threading
import time

from tests.harness.publisher import Publisher
from tests.harness.telemetry import telemetry
from tests.integration.arrivals import TELEMETRY, Arrivals, eventually, stop_and_balance

KEEPALIVE_SECS = 5
IMPATIENT = {"reconnect_max_secs": 1}


def events(bridge, event):
    return [line for line in bridge.log(since_start=True) if line["event"] == event]


def subscribed_again(bridge, times=2):
    eventually(lambda: len(events(bridge, "subscribed")) >= times, f"subscribed {times} times")


def publish_in_background(broker, count, rate):
    def publish():
        with Publisher(broker.port) as publisher:
            publisher.publish(telemetry(count), 1, rate)

    thread = threading.Thread(target=publish)
    thread.start()
    return thread


def test_broker_that_is_stopped_and_started_twice_costs_no_message(mosquitto, kinesis, bridge):
    running, arrivals = bridge({"press": TELEMETRY}, mqtt=IMPATIENT, here=True), Arrivals(kinesis)
    publishing = publish_in_background(mosquitto, 4_000, 1_000)
    for restarts in (1, 2):
        arrivals.wait_for(restarts * 1_000)
        mosquitto.restart()
        subscribed_again(running, restarts + 1)
    publishing.join()
    arrivals.wait_for_all(range(4_000))
    stop_and_balance(running)
    print(f"{arrivals.duplicates} duplicates")


def test_broker_killed_while_it_sends_its_saved_queue_loses_no_message(mosquitto, kinesis, bridge):
    running, arrivals = bridge({"press": TELEMETRY}, mqtt=IMPATIENT, here=True), Arrivals(kinesis)
    running.stop()
    with Publisher(mosquitto.port) as publisher:
        publisher.publish(telemetry(10_000), 1)
        await_saves(mosquitto)
        running.start()
        arrivals.wait_for(1)
        mosquitto.kill()
        mosquitto.start()
        subscribed_again(running)
        publisher.publish(telemetry(1_000, first=10_000), 1)
    arrivals.wait_for_all(range(11_000))
    stop_and_balance(running)
    print(f"{arrivals.duplicates} duplicates")


def await_saves(broker):
    """Wait for two autosaves, because the first may have begun before the last message arrived."""
    saved = broker.folder / "mosquitto.db"
    for _ in range(2):
        before = saved.stat().st_mtime_ns if saved.exists() else 0
        eventually(lambda before=before: saved.exists() and saved.stat().st_mtime_ns != before, "an autosave")


def test_hanging_network_is_detected_within_twice_the_keepalive(mosquitto, kinesis, bridge, proxy):
    between = proxy(mosquitto.port)
    mqtt = {**IMPATIENT, "url": f"mqtt://127.0.0.1:{between.port}", "keepalive_secs": KEEPALIVE_SECS}
    running, arrivals = bridge({"press": TELEMETRY}, mqtt=mqtt, here=True), Arrivals(kinesis)
    publishing = publish_in_background(mosquitto, 3_000, 500)
    arrivals.wait_for(250)
    between.hang()
    hung_at = time.monotonic()
    eventually(lambda: lost_to_silence(running), "the hang is noticed", timeout_secs=2 * KEEPALIVE_SECS)
    print(f"noticed after {time.monotonic() - hung_at:.1f} s")
    between.heal()
    subscribed_again(running)
    publishing.join()
    arrivals.wait_for_all(range(3_000))
    stop_and_balance(running)
    print(f"{arrivals.duplicates} duplicates")


def lost_to_silence(bridge):
    return any("no data for" in line["event"] for line in bridge.log(since_start=True))
