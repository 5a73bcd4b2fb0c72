"""The broker stops, hangs, loses its sessions, or serves another client with the bridge's client ID."""

import socket
from contextlib import contextmanager

from tests.faults.scenario import Scenario
from tests.faults.scenario_setup import Setup, Stage
from tests.harness import mqtt_frames
from tests.integration.arrivals import eventually

WAITING = 5_000


@contextmanager
def frozen(stage: Stage):
    """Stop the broker by SIGSTOP: connections stay open, but it does not respond."""
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
    """SIGKILL while it hands out what it kept for an absent bridge, and had saved: no one can get what it had not."""
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
    """Restart the broker without its sessions.

    The bridge must subscribe again. No message is published meanwhile, because the broker would store it for no client.
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
    """Connect another client with the bridge's client ID five times. It receives messages and acknowledges none."""
    for _ in range(5):
        with stage.subscribes_again(), socket.create_connection(("127.0.0.1", stage.broker.port), 5) as intruder:
            intruder.sendall(mqtt_frames.connect("bridge", None, ""))
            while intruder.recv(65_536):
                stage.sink.read()  # until the bridge comes back, and it is its turn to lose the session
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
    """Let the network to the broker hang: connections stay open, and no bytes pass."""
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
