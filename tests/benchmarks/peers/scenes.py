"""The scenes that every peer plays, and what became of the messages: each has its own number, and is looked for.

    backlog   the messages wait at the broker while the peer is stopped (SIGSTOP), and all go at once
    live      they come at RATE a second
    killed    live; a third of the way the peer is killed (SIGKILL), and started again a second later
    away      live; a third of the way Kinesis refuses connections, for Load.away_secs
    throttled live; a third of the way, for as long, one record in twenty fails inside of requests that succeed

But for the backlog, Kinesis takes 20 ms for a request. Nothing is asked of a peer itself: what it has delivered is told
by the sink alone, and it is done when everything is there, or when nothing has come for Load.patience_secs.
"""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from tests.benchmarks.load import build_folder, published, publishing
from tests.benchmarks.peers.peer import CLIENT_ID, Peer, Place
from tests.benchmarks.peers.running import Running
from tests.benchmarks.peers.sink import Sink, sink_process
from tests.rig.certificates import Authority
from tests.rig.mosquitto import Mosquitto
from tests.rig.network import free_port, wait_for_port
from tests.rig.telemetry import TOPIC_FILTER

KINESIS_SECS = 0.02
SAMPLE_SECS = 0.05
RESTART_SECS = 1
THROTTLED_SHARE = 0.05


@dataclass(frozen=True)
class Load:
    """How much is sent, and how long what is missing is waited for."""

    backlog: int = 200_000
    rate: int = 2_000
    secs: int = 30
    away_secs: float = 15
    patience_secs: float = 60

    @property
    def live(self) -> int:
        return self.rate * self.secs


@dataclass(frozen=True)
class Outcome:
    """`cpu_us_per_message` is None where the process changed meanwhile; MB are 10^6 bytes, the most that was seen.

    `records` and `units` (PUT payload units, begun 25 KB each) are what Kinesis accepted.
    """

    peer: str
    scene: str
    sent: int
    lost: int
    duplicates: int
    records: int
    units: int
    messages_per_sec: float
    rss_mb: float
    cpu_us_per_message: float | None = None


@dataclass
class Stage:
    peer: Peer
    load: Load
    broker: Mosquitto
    sink: Sink
    running: Running
    place: Place
    watch: "Watch" = field(init=False)

    def __post_init__(self):
        self.watch = Watch(self.sink, self.running, self.load.patience_secs)

    def begin(self) -> None:
        """Until the broker holds its subscription, and it has nothing to do."""
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


class Watch:
    """What arrives, and what the peer needs for it, from the first sample on."""

    def __init__(self, sink: Sink, running: Running, patience_secs: float) -> None:
        self._sink, self._running, self._patience_secs = sink, running, patience_secs
        self.counters: dict = {}
        self.rss_bytes = 0
        self.cpu_secs = 0.0
        self.first: tuple[float, int] | None = None
        self.last: tuple[float, int] = (time.monotonic(), 0)

    def sample(self) -> float:
        """Look once; seconds since anything arrived."""
        self._running.check()
        now, self.counters = time.monotonic(), self._sink.counters()
        self.rss_bytes = max(self.rss_bytes, self._running.rss_bytes)
        arrived = self.counters["distinct"] + self.counters["duplicates"]
        if arrived > self.last[1]:
            self.first = self.first or (now, arrived)
            self.last = (now, arrived)
        if now - self.last[0] < 1:  # what it burns once all is done is not for the messages
            self.cpu_secs = self._running.cpu_secs
        return now - self.last[0]

    def until_done(self, sent: int) -> None:
        """Until every message has come and none comes twice any more, or until patience is at its end."""
        began = time.monotonic()
        while True:
            quiet = min(self.sample(), time.monotonic() - began)
            if quiet > (2 if self.counters["distinct"] >= sent else self._patience_secs):
                return
            time.sleep(SAMPLE_SECS)

    @property
    def messages_per_sec(self) -> float:
        """From the first that was seen to the last."""
        if self.first is None:
            return 0.0
        (began, before), (ended, arrived) = self.first, self.last
        return (arrived - before) / max(ended - began, SAMPLE_SECS)

    def for_secs(self, secs: float) -> None:
        end = time.monotonic() + secs
        while time.monotonic() < end:
            self.sample()
            time.sleep(SAMPLE_SECS)


def backlog(stage: Stage) -> Outcome:
    count = stage.load.backlog
    if stage.peer.server:  # a broker that publishes to a stopped peer would hang up on it
        return _measured(stage, count, lambda: _published(stage, count))
    stage.running.signal(signal.SIGSTOP)
    _published(stage, count)
    return _measured(stage, count, lambda: stage.running.signal(signal.SIGCONT))


def live(stage: Stage) -> Outcome:
    return _measured(stage, stage.load.live, lambda: _published(stage, stage.load.live, stage.load.rate))


def killed(stage: Stage) -> Outcome:
    def trouble() -> None:
        stage.running.kill()
        time.sleep(RESTART_SECS)
        stage.running.start()

    return _troubled(stage, trouble)


def away(stage: Stage) -> Outcome:
    def trouble() -> None:
        stage.sink.leave(stage.load.away_secs)
        time.sleep(stage.load.away_secs + 0.5)

    return _troubled(stage, trouble)


def throttled(stage: Stage) -> Outcome:
    def trouble() -> None:
        stage.sink.throttle(THROTTLED_SHARE)
        stage.watch.for_secs(stage.load.away_secs)
        stage.sink.throttle(0)

    return _troubled(stage, trouble)


SCENES: dict[str, Callable[[Stage], Outcome]] = {
    "backlog": backlog,
    "live": live,
    "killed": killed,
    "away": away,
    "throttled": throttled,
}


def play(peer: Peer, scene: str, load: Load) -> Outcome:
    """AssertionError where the peer does not start, or ends by itself."""
    with _set(peer, load, latency=scene != "backlog") as stage:
        stage.begin()
        return replace(SCENES[scene](stage), scene=scene)


@contextlib.contextmanager
def _set(peer: Peer, load: Load, *, latency: bool) -> Iterator[Stage]:
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(build_folder())
        authority = Authority(folder / "authority") if peer.server else None
        peer_port = free_port()
        broker = stack.enter_context(_broker(peer_port if peer.server else None))
        sink = stack.enter_context(sink_process(authority, latency_secs=KINESIS_SECS if latency else 0.0))
        place = Place(folder, broker.port, sink.port, peer_port, authority and authority.ca_file)
        program = peer.found()
        assert program, f"{peer.name} is not on the PATH"
        running = stack.enter_context(Running(peer.command(program, place), place.environment(), folder))
        yield Stage(peer, load, broker, sink, running, place)


def _broker(bridged_port: int | None) -> Mosquitto:
    """No limits, no persistence: the broker must not be what is measured. It says who subscribes to what."""
    settings = [
        "queue_qos0_messages true",
        *(f"log_type {each}" for each in ("error", "warning", "notice", "subscribe")),
    ]
    if bridged_port:
        settings += [f"connection {CLIENT_ID}", f"address 127.0.0.1:{bridged_port}", f"topic {TOPIC_FILTER} out 1"]
        settings += ["bridge_protocol_version mqttv311", "cleansession false", "notifications false"]
        settings += ["try_private false", "bridge_attempt_unsubscribe false", "restart_timeout 1"]
    return Mosquitto(persistence=False, settings="\n".join(settings))


def _published(stage: Stage, count: int, rate: int | None = None) -> None:
    """Returns when the broker has acknowledged all of them; what arrives meanwhile is watched."""
    with publishing(stage.broker.port, count, rate=rate) as publisher:
        while rate and publisher.poll() is None:
            stage.watch.sample()
            time.sleep(SAMPLE_SECS)
        published(publisher)


def _measured(stage: Stage, sent: int, begin: Callable[[], object]) -> Outcome:
    before = stage.running.cpu_secs
    begin()
    stage.watch.until_done(sent)
    cpu = (stage.watch.cpu_secs - before) / sent * 1e6
    return replace(_outcome(stage, sent), cpu_us_per_message=cpu)


def _troubled(stage: Stage, trouble: Callable[[], None]) -> Outcome:
    load, watch = stage.load, stage.watch
    with publishing(stage.broker.port, load.live, rate=load.rate) as publisher:
        watch.for_secs(load.secs / 3)
        trouble()
        while publisher.poll() is None:
            watch.sample()
            time.sleep(SAMPLE_SECS)
        published(publisher)
    watch.until_done(load.live)
    return _outcome(stage, load.live)


def _outcome(stage: Stage, sent: int) -> Outcome:
    counters, watch = stage.watch.counters, stage.watch
    return Outcome(
        peer=stage.peer.name,
        scene="",
        sent=sent,
        lost=sent - counters["distinct"],
        duplicates=counters["duplicates"],
        records=counters["records"],
        units=counters["units"],
        messages_per_sec=watch.messages_per_sec,
        rss_mb=watch.rss_bytes / 1e6,
    )
