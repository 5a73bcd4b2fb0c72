"""Section workers: CPU per message of `run --workers N` (supervisor and workers), compared with one process.

backlog   the messages wait in the broker while the bridges are stopped (SIGSTOP), and then arrive in full bursts
live      20,000 messages a second arrive while the bridges run, which one process can also handle
flood     the publisher sends as fast as it can; one process always has work, so its bursts are larger than those of
          workers, which costs less CPU. So this comparison has no target
"""

import contextlib
import os
import signal
import statistics
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.load import (
    STREAM,
    benchmark_broker,
    bridge,
    build_folder,
    burning_nothing,
    kinesis_process,
    published,
    publishing,
)
from tests.benchmarks.scoreboard import Figure, at_most
from tests.harness.bridge_process import TICKS_PER_SEC
from tests.harness.workers import Workers
from tests.integration.arrivals import eventually

TURNS = 3
"""Number of rounds. The cheapest run counts, because other work on the machine only adds costs.

The ratio of workers to one process is the median of the rounds, because the speed of the machine changes between
rounds.
"""
LIVE_RATE = 20_000
SETTLE_SECS = 120


@dataclass
class Sharing:
    """µs of CPU per message in each round: of one process, and of the workers with their supervisor."""

    load: str
    workers: int
    messages: int
    turns: list[tuple[float, float]]

    def figures(self) -> list[Figure]:
        ratio = statistics.median(several / one for one, several in self.turns)
        several = f"{self.workers} workers"
        return [
            Figure(f"{several}, {self.load}: CPU", min(several for _, several in self.turns), "µs/message"),
            Figure(
                f"{several}, {self.load}: CPU, of one process's",
                ratio,
                "x",
                None if self.load == "flood" else at_most(1.1),
            ),
        ]


@dataclass
class Sharings:
    loads: list[Sharing]

    def figures(self) -> list[Figure]:
        return [figure for each in self.loads for figure in each.figures()]


def measure(*, quick: bool, note, workers: int = 2) -> Sharings:
    count = 30_000 if quick else 200_000
    loads = []
    for load in ("backlog", "live", "flood"):
        note(f"{load}: {count:,} messages, one process and {workers} workers")
        turns = [(_measured(count, 0, load), _measured(count, workers, load)) for _ in range(TURNS)]
        loads.append(Sharing(load, workers, count, turns))
    return Sharings(loads)


def _measured(count: int, workers: int, load: str) -> float:
    """Measure one run. Return the µs of CPU per message."""
    with build_folder() as folder, benchmark_broker() as broker, kinesis_process() as kinesis:
        with _running(folder, broker.port, kinesis.port, workers) as running:
            pids = [running.pid, *(running.pid_of(number + 1) for number in range(workers))]
            bridges = pids[1:] or pids
            # The costs of the start are not costs of messages.
            burning_nothing(lambda: _cpu_secs(pids), for_secs=0.7, most_secs=0.02 * len(pids), timeout_secs=30)
            if load == "backlog":
                _signal(bridges, signal.SIGSTOP)
            before = _cpu_secs(pids)
            with publishing(broker.port, count, rate=LIVE_RATE if load == "live" else None) as publisher:
                published(publisher)
                if load == "backlog":
                    _signal(bridges, signal.SIGCONT)
                eventually(lambda: kinesis.delivered() >= count, f"{count} on {STREAM}", timeout_secs=SETTLE_SECS)
            used = _cpu_secs(pids) - before
            assert running.stop() == 0, running.stderr()
        return used / count * 1e6


@contextlib.contextmanager
def _running(folder: Path, broker_port: int, kinesis_port: int, workers: int):
    with bridge(folder, broker_port, kinesis_port), Workers(folder, workers) as running:
        yield running


def _signal(pids: list[int], number: int) -> None:
    for pid in pids:
        os.kill(pid, number)


def _cpu_secs(pids: list[int]) -> float:
    """Return the CPU time (user and system) of all threads of these processes: proc(5), /proc/pid/stat."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(each[11]) + int(each[12]) for each in fields) / TICKS_PER_SEC
