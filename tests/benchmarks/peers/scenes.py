"""Scenes that every peer runs. Each message has a number, and the sink searches for every number.

backlog     the messages wait in the broker while the peer is stopped (SIGSTOP), and then arrive at once
live        messages arrive at Load.rate per second
killed      live; the peer is killed KILLS times (SIGKILL), and started again after a second
away        live; after a third of the time, Kinesis refuses connections for Load.away_secs
throttled   live; after a third of the time, one record in twenty fails in requests that succeed, for Load.away_secs

Except for the backlog, Kinesis needs 20 ms for a request. Only the sink reports what a peer has delivered. A scene ends
when all messages have arrived, or when nothing has arrived for Load.patience_secs.
"""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.benchmarks.load import published, publishing
from tests.benchmarks.peers.peer import Peer
from tests.benchmarks.peers.stage import Load, Stage, stage_of
from tests.benchmarks.peers.watch import SAMPLE_SECS

KILLS = 3
RESTART_SECS = 1
THROTTLED_SHARE = 0.05


@dataclass(frozen=True)
class Outcome:
    """Result of a scene. `cpu_us_per_message` is None if the process was replaced. MB are 10^6 bytes, and the maximum.

    `records` and `units` are the records and the PUT payload units (25 KB, rounded up per record) that Kinesis
    accepted.
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


def backlog(stage: Stage) -> Outcome:
    count = stage.load.backlog
    if stage.peer.server:  # a broker would disconnect from a server that is stopped
        return _measured(stage, count, lambda: _published(stage, count))
    stage.running.signal(signal.SIGSTOP)
    _published(stage, count)
    return _measured(stage, count, lambda: stage.running.signal(signal.SIGCONT))


def live(stage: Stage) -> Outcome:
    return _measured(stage, stage.load.live, lambda: _published(stage, stage.load.live, stage.load.rate))


def killed(stage: Stage) -> Outcome:
    def trouble() -> None:
        for _ in range(KILLS):
            stage.running.kill()
            time.sleep(RESTART_SECS)
            stage.running.start()
            stage.watch.for_secs(stage.load.secs / 2 / KILLS)

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
    """Run a scene. Raise AssertionError if the peer does not start, or ends by itself."""
    with stage_of(peer, load, latency=scene != "backlog") as stage:
        stage.begin()
        return replace(SCENES[scene](stage), scene=scene)


def _published(stage: Stage, count: int, rate: int | None = None) -> None:
    """Publish, and return when the broker has acknowledged all messages. Count arrivals during this time."""
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
