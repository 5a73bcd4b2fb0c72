"""`run --workers N` beside one process: CPU per message of supervisor and workers together, in the same run.

The messages wait at the broker while the bridges are stopped (SIGSTOP), and all go at once: bursts are full in both, so
that what is compared is the work, and not how small the bursts of a live load become. With a live load that does not
fill the bursts, two workers commit twice as often as one process does, and that costs more.
"""

import argparse
import contextlib
import json
import os
import signal
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.benchmarks.load import STREAM, benchmark_broker, bridge, build_folder, kinesis_process, published, publishing
from tests.integration.arrivals import eventually
from tests.rig.bridge_process import TICKS_PER_SEC
from tests.rig.workers import Workers

SETTLE_SECS = 120


@dataclass
class Sharing:
    """`ratio` is that of the CPU per message: `workers` processes and their supervisor to one process."""

    workers: int
    messages: int
    one_us_per_message: float
    workers_us_per_message: float
    ratio: float
    duplicates: int


def measure(count: int = 200_000, workers: int = 2) -> Sharing:
    one, _ = _measured(count, 0)
    several, duplicates = _measured(count, workers)
    return Sharing(workers, count, one, several, several / one, duplicates)


def _measured(count: int, workers: int) -> tuple[float, int]:
    """Microseconds of CPU a message, and records that came twice."""
    with build_folder() as folder, benchmark_broker() as broker, kinesis_process() as kinesis:
        with _running(folder, broker.port, kinesis.port, workers) as running:
            pids = [running.pid, *(running.pid_of(number + 1) for number in range(workers))]
            bridges = pids[1:] or pids
            _signal(bridges, signal.SIGSTOP)
            before = _cpu_secs(pids)
            with publishing(broker.port, count) as publisher:
                published(publisher)
                _signal(bridges, signal.SIGCONT)
                eventually(lambda: kinesis.delivered() >= count, f"{count} on {STREAM}", timeout_secs=SETTLE_SECS)
            used = _cpu_secs(pids) - before
            assert running.stop() == 0, running.stderr()
        return used / count * 1e6, kinesis.delivered() - count


@contextlib.contextmanager
def _running(folder: Path, broker_port: int, kinesis_port: int, workers: int):
    with bridge(folder, broker_port, kinesis_port), Workers(folder, workers) as running:
        yield running


def _signal(pids: list[int], number: int) -> None:
    for pid in pids:
        os.kill(pid, number)


def _cpu_secs(pids: list[int]) -> float:
    """User and system time of all threads of these processes: proc(5), /proc/pid/stat."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(each[11]) + int(each[12]) for each in fields) / TICKS_PER_SEC


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.workers", description=__doc__)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    print(json.dumps({"cpus": os.cpu_count(), **asdict(measure(options.count, options.workers))}, indent=2))


if __name__ == "__main__":
    main()
