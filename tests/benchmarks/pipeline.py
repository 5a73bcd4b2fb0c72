"""Section pipeline: the bridge at full load. CPU per message, messages per second, memory, and lost messages.

preloaded    the messages wait in the broker's session, and a bridge that has started receives all of them at once
live         the publisher sends while the bridge runs; both use the same machine as the broker and Kinesis

The CPU time is measured from an idle bridge until Kinesis has accepted the last message and the ledger shows it. So it
contains all costs of the messages, but not the costs of the start.
"""

import contextlib
import itertools
from dataclasses import dataclass

from tests.benchmarks.load import (
    benchmark_broker,
    bridge,
    build_folder,
    delivering,
    idle,
    in_session,
    kinesis_process,
    packed,
    published,
    publishing,
)
from tests.benchmarks.scoreboard import Figure, Target, at_least, at_most
from tests.harness.ledger import read_ledger

PACKINGS, PROTOCOLS, QOS = ("kpl", "none"), ("3.1.1", "5"), (1, 0, 2)
TURNS = 3
"""Number of rounds at QoS 1. The best round counts, because other work on the machine only adds costs."""
CPU_TARGETS = {"kpl": at_most(12), "none": at_most(16)}
"""Targets in µs, for QoS 1."""
RATE_TARGETS = {"kpl": at_least(60_000)}


@dataclass
class Run:
    """Result of a run. `messages_per_sec` is from the first to the last delivery. MB are 10^6 bytes.

    `duplicates` is the number of records that were sent more than once; None if they are packed.
    """

    load: str
    packing: str
    protocol: str
    qos: int
    messages: int
    cpu_us_per_message: float = 0.0
    messages_per_sec: float = 0.0
    max_rss_mb: float = 0.0
    duplicates: int | None = None
    publisher_per_sec: float = 0.0

    @property
    def name(self) -> str:
        packing = "plain" if self.packing == "none" else self.packing
        return f"{packing}, MQTT {self.protocol}, QoS {self.qos}{', live' if self.load == 'live' else ''}"

    def figures(self) -> list[Figure]:
        cpu, rate = (_target(self, targets) for targets in (CPU_TARGETS, RATE_TARGETS))
        return [
            Figure(f"{self.name}: CPU", self.cpu_us_per_message, "µs/message", cpu),
            Figure(f"{self.name}: throughput", self.messages_per_sec, "messages/s", rate),
        ]


def _target(run: Run, targets: dict[str, Target]) -> Target | None:
    return targets.get(run.packing) if run.qos == 1 and run.load == "preloaded" else None


@dataclass
class Pipeline:
    runs: list[Run]

    def figures(self) -> list[Figure]:
        turns: dict[str, list[Run]] = {}
        for run in self.runs:
            turns.setdefault(run.name, []).append(run)
        cheapest = [min(of_one, key=lambda run: run.cpu_us_per_message) for of_one in turns.values()]
        most = max(run.max_rss_mb for run in self.runs)
        return [*(figure for run in cheapest for figure in run.figures()), Figure("resident memory, most", most, "MB")]


def measure(*, quick: bool, note) -> Pipeline:
    count = 30_000 if quick else 300_000
    runs = []
    turns = [qos for qos in QOS for _ in range(TURNS if qos == 1 and not quick else 1)]
    for qos, packing, protocol in itertools.product(turns, PACKINGS, PROTOCOLS):
        note(f"{packing}, MQTT {protocol}, QoS {qos}: {count:,} messages")
        runs.append(preloaded(count, packing=packing, protocol=protocol, qos=qos))
    for packing in PACKINGS:
        note(f"{packing}, live: {count:,} messages")
        runs.append(live(count, packing=packing))
    return Pipeline(runs)


def live(count: int, *, packing: str = "none", protocol: str = "3.1.1", qos: int = 1) -> Run:
    run = Run("live", packing, protocol, qos, count)
    with _parts(run) as (broker, kinesis, process):
        process.start()
        process.wait_for("subscribed")
        idle(process)
        before = process.cpu_secs
        with publishing(broker.port, count, qos=qos) as publisher:
            run.messages_per_sec = delivering(process, kinesis, count)
            run.publisher_per_sec = published(publisher)["rate"]
        return _finish(run, process, kinesis, before)


def preloaded(count: int, *, packing: str = "none", protocol: str = "3.1.1", qos: int = 1) -> Run:
    run = Run("preloaded", packing, protocol, qos, count)
    with _parts(run) as (broker, kinesis, process):
        run.publisher_per_sec = in_session(process, broker, count, qos=qos)
        before = process.cpu_secs
        broker.resume()
        run.messages_per_sec = delivering(process, kinesis, count)
        return _finish(run, process, kinesis, before)


@contextlib.contextmanager
def _parts(run: Run):
    mapping = packed(run.packing) | {"qos": run.qos}
    with (
        build_folder() as folder,
        benchmark_broker() as broker,
        kinesis_process() as kinesis,
        bridge(folder, broker.port, kinesis.port, mapping, protocol=run.protocol) as process,
    ):
        yield broker, kinesis, process


def _finish(run: Run, process, kinesis, before: float) -> Run:
    """Raise AssertionError unless Kinesis accepted the records that the ledger reports, and the spool is empty."""
    run.cpu_us_per_message = (process.cpu_secs - before) / run.messages * 1e6
    run.max_rss_mb = process.max_rss_bytes / 1e6
    assert process.stop() == 0, process.stderr()
    ledger = read_ledger(process.folder / "data")
    ledger.check()
    assert (ledger.total("delivered"), ledger.in_queues, ledger.dead_letters) == (run.messages, 0, 0), ledger
    if run.packing == "none":
        run.duplicates = kinesis.delivered() - run.messages
        assert run.duplicates >= 0, (kinesis.counters(), ledger)
    return run
