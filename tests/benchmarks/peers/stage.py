"""Stage of a scene: a broker, a Kinesis that counts, a peer between them, and the load."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.benchmarks.load import build_folder
from tests.benchmarks.peers.peer import CLIENT_ID, Peer, Place
from tests.benchmarks.peers.running import Running
from tests.benchmarks.peers.sink import Sink, sink_process
from tests.benchmarks.peers.watch import Watch
from tests.harness.certificates import Authority
from tests.harness.mosquitto import Mosquitto
from tests.harness.network import free_port, wait_for_port
from tests.harness.telemetry import TOPIC_FILTER

KINESIS_SECS = 0.02


@dataclass(frozen=True)
class Load:
    """Number of messages, and time to wait for missing ones."""

    backlog: int = 100_000
    rate: int = 1_000
    secs: int = 30
    away_secs: float = 15
    patience_secs: float = 45

    @property
    def live(self) -> int:
        return self.rate * self.secs


@dataclass
class Stage:
    peer: Peer
    load: Load
    broker: Mosquitto
    sink: Sink
    running: Running
    place: Place
    watch: Watch = field(init=False)

    def __post_init__(self):
        self.watch = Watch(self.sink, self.running, self.load.patience_secs)

    def begin(self) -> None:
        """Wait until the peer has subscribed and is idle."""
        self.running.start()
        if self.peer.server:
            wait_for_port(self.place.peer_port, still_alive=lambda: self.running.check() is None)
        else:
            self._await_subscribed()
        self.running.idle()

    def _await_subscribed(self, timeout_secs: float = 60) -> None:
        line = f": {CLIENT_ID} 1 {TOPIC_FILTER}"
        deadline = time.monotonic() + timeout_secs
        while line not in self.broker.log():
            self.running.check()
            assert time.monotonic() < deadline, f"{self.peer.name} has not subscribed:\n{self.running.log()[-2000:]}"
            time.sleep(0.05)


@contextlib.contextmanager
def stage_of(peer: Peer, load: Load, *, latency: bool) -> Iterator[Stage]:
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(build_folder())
        authority = Authority(folder / "authority") if peer.server else None
        peer_port = free_port()
        broker = stack.enter_context(_broker(peer_port if peer.server else None))
        sink = stack.enter_context(sink_process(authority, latency_secs=KINESIS_SECS if latency else 0.0))
        place = Place(folder, broker.port, sink.port, peer_port, authority and authority.ca_file)
        program = peer.found()
        assert program, f"{peer.name} is not on the PATH"
        running = stack.enter_context(
            Running(peer.command(program, place), place.environment() | peer.environment, folder)
        )
        yield Stage(peer, load, broker, sink, running, place)


def _broker(bridged_port: int | None) -> Mosquitto:
    """Run a broker without limits and persistence, so that it does not limit the measurement. It logs subscriptions."""
    settings = [
        "queue_qos0_messages true",
        *(f"log_type {each}" for each in ("error", "warning", "notice", "subscribe")),
    ]
    if bridged_port:
        settings += [f"connection {CLIENT_ID}", f"address 127.0.0.1:{bridged_port}", f"topic {TOPIC_FILTER} out 1"]
        settings += ["bridge_protocol_version mqttv311", "cleansession false", "notifications false"]
        settings += ["try_private false", "bridge_attempt_unsubscribe false", "restart_timeout 1"]
    return Mosquitto(persistence=False, settings="\n".join(settings))
