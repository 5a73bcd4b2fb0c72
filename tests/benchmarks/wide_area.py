"""Section wide: throughput over a long distance to Kinesis.

A request takes 100 ms, so the requests in flight limit the throughput. The bridge has its default settings. All
messages wait in the broker's session and arrive at once.
"""

from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.load import (
    benchmark_broker,
    bridge,
    build_folder,
    delivering,
    in_session,
    kinesis_process,
    packed,
)
from tests.benchmarks.scoreboard import Figure, Target, at_least

KINESIS_MS = 100
PLAIN_SHARDS, PACKED_SHARDS = 40, 4
TARGETS = {"none": at_least(20_000), "kpl": at_least(25_000)}


@dataclass
class WideRun:
    """Result. `requests_in_flight` is the maximum number of requests in flight; MB are 10^6 bytes."""

    packing: str
    shards: int
    messages: int
    messages_per_sec: float
    cpu_us_per_message: float
    requests_in_flight: int
    threads: int
    max_rss_mb: float

    def figures(self, target: Target) -> list[Figure]:
        name = f"{'plain' if self.packing == 'none' else self.packing}, {self.shards} shards"
        return [
            Figure(f"{name}: throughput", self.messages_per_sec, "messages/s", target),
            Figure(f"{name}: requests in flight, most", self.requests_in_flight),
            Figure(f"{name}: threads of the bridge", self.threads),
            Figure(f"{name}: resident memory, most", self.max_rss_mb, "MB"),
        ]


@dataclass
class WideArea:
    runs: list[WideRun]

    def figures(self) -> list[Figure]:
        return [figure for run in self.runs for figure in run.figures(TARGETS[run.packing])]


def measure(*, quick: bool, note) -> WideArea:
    count = 60_000 if quick else 400_000
    runs = []
    for packing, shards in (("none", PLAIN_SHARDS), ("kpl", PACKED_SHARDS)):
        note(f"{packing}: {count:,} messages, {KINESIS_MS} ms to Kinesis")
        runs.append(run(packing, shards, count))
    return WideArea(runs)


def run(packing: str, shards: int, count: int, **kinesis_settings) -> WideRun:
    with (
        build_folder() as folder,
        benchmark_broker() as broker,
        kinesis_process(shards, "--latency-ms", str(KINESIS_MS)) as kinesis,
        bridge(folder, broker.port, kinesis.port, packed(packing), kinesis=kinesis_settings) as process,
    ):
        in_session(process, broker, count)
        before = process.cpu_secs
        broker.resume()
        per_sec = delivering(process, kinesis, count)
        measured = WideRun(
            packing=packing,
            shards=shards,
            messages=count,
            messages_per_sec=per_sec,
            cpu_us_per_message=(process.cpu_secs - before) / count * 1e6,
            requests_in_flight=kinesis.counters()["most_in_flight"],
            threads=len(list(Path(f"/proc/{process.pid}/task").iterdir())),
            max_rss_mb=process.max_rss_bytes / 1e6,
        )
        assert process.stop() == 0, process.stderr()
    return measured
