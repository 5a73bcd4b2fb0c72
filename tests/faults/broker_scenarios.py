"""Scenarios of the broker: it stops, hangs, loses its sessions, or has another client with the bridge's client ID."""

import socket
from contextlib import contextmanager

from tests.faults.scenario import Scenario
from tests.faults.scenario_setup import Setup, Stage
from tests.harness import mqtt_frames
from tests.integration.arrivals import eventually

WAITING = 5_000


@contextmanager
def frozen(stage: Stage):
    """Pause the broker by SIGSTOP: connections stay open, but the broker does not respond."""
    stage.broker.pause()
    try:
        yield
    finally:
        stage.broker.resume()


@contextmanager
def restarted(stage: Stage):
    with stage.subscribes_again():
        stage.broker.stop()
        stage.hold(1.0)
        stage.heals()
        stage.broker.start()
    yield


@contextmanager
def killed_handing_out(stage: Stage):
    """Kill the broker by SIGKILL while it sends the messages that it has queued for an absent bridge.

    The broker has saved these messages on disk. Unsaved messages would be lost, whatever the bridge does.
    """
    stage.bridge.stop()
    start = stage.load.acknowledged
    eventually(lambda: stage.load.acknowledged >= start + WAITING, "messages wait in the broker")
    stage.load.pause()
    await_saves(stage.broker)
    stage.bridge.start()
    stage.flow(1)
    with stage.subscribes_again():
        stage.broker.kill()
        stage.heals()
        stage.broker.start()
    stage.load.resume()
    yield


def await_saves(broker) -> None:
    """Wait for two autosaves, because the first may have begun before the last message arrived."""
    saved = broker.folder / "mosquitto.db"
    for _ in range(2):
        before = saved.stat().st_mtime_ns if saved.exists() else 0
        eventually(lambda before=before: saved.exists() and saved.stat().st_mtime_ns != before, "an autosave")


@contextmanager
def session_lost(stage: Stage):
    """Restart the broker without its sessions, so that the bridge must subscribe again.

    No message is published during the restart, because the broker would queue it for no client.
    """
    stage.load.pause()
    stage.flow(stage.load.acknowledged - stage.sink.reached)
    with stage.subscribes_again():
        stage.broker.stop()
        (stage.broker.folder / "mosquitto.db").unlink()
        stage.heals()
        stage.broker.start()
    stage.load.resume()
    yield


@contextmanager
def taken_over(stage: Stage):
    """Connect another client with the bridge's client ID five times. This client acknowledges no message."""
    for _ in range(5):
        with stage.subscribes_again(), socket.create_connection(("127.0.0.1", stage.broker.port), 5) as intruder:
            intruder.sendall(mqtt_frames.connect("bridge", None, ""))
            while intruder.recv(65_536):
                stage.sink.read()  # wait until the bridge has taken over the session again
    yield


@contextmanager
def resets(stage: Stage):
    """End each connection to the broker with a TCP reset every half second."""
    for _ in range(6):
        stage.to_broker.reset()
        stage.hold(0.5)
    yield


@contextmanager
def unreachable(stage: Stage):
    stage.to_broker.cut()
    yield
    stage.to_broker.heal()


@contextmanager
def silent(stage: Stage):
    """Stop the traffic to the broker: connections stay open, but no bytes pass."""
    stage.to_broker.hang()
    yield
    stage.to_broker.heal()


SCENARIOS = (
    Scenario("broker: frozen (SIGSTOP) for 4 s", frozen, hold_secs=4),
    Scenario("broker: frozen for 12 s, longer than the keepalive allows", frozen, hold_secs=12),
    Scenario("broker: restarted", restarted, hold_secs=0),
    Scenario("broker: SIGKILL while it hands out 5,000 saved messages", killed_handing_out, hold_secs=0),
    Scenario("broker: comes back without its sessions", session_lost, hold_secs=0),
    Scenario("broker: the session taken over five times", taken_over, Setup(rate=200), hold_secs=0),
    Scenario("broker: connection reset six times", resets, hold_secs=0),
    Scenario("broker: unreachable for 5 s", unreachable, hold_secs=5),
    Scenario("broker: silent for 12 s", silent, hold_secs=12),
)
