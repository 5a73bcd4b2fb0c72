"""Section latency: the time from publishing a message until Kinesis has accepted its record.

The publisher writes the time into each message. The stand-in records the time when it accepts the record, which is at
the end of a request of 20 ms.
"""

import base64
import statistics
import time
from dataclasses import dataclass

import orjson

from tests.benchmarks.load import (
    SHARDS,
    STREAM,
    benchmark_broker,
    bridge,
    build_folder,
    idle,
    published,
    publishing,
)
from tests.benchmarks.scoreboard import Figure, at_most
from tests.fakes.kinesis import KinesisStandIn
from tests.fakes.kinesis_streams import Stream

KINESIS_SECS = 0.02
RATE = 1_000
LONE_RATE = 1.3
"""Rate at which messages arrive singly, so that none shares its transaction or request."""


@dataclass
class Latency:
    """Latencies in milliseconds."""

    messages: int
    rate: float
    p50_ms: float
    p99_ms: float
    max_ms: float


@dataclass
class Latencies:
    steady: Latency
    lone: Latency

    def figures(self) -> list[Figure]:
        steady = f"{self.steady.rate:,.0f} messages/s, linger_ms 10"
        return [
            Figure(f"{steady}: p50", self.steady.p50_ms, "ms", at_most(45)),
            Figure(f"{steady}: p99", self.steady.p99_ms, "ms", at_most(90)),
            Figure("a lone message, default linger: p50", self.lone.p50_ms, "ms", at_most(45)),
            Figure("a lone message, default linger: most", self.lone.max_ms, "ms"),
        ]


class TimedStream(Stream):
    """Stream that records (time of publishing, time of acceptance) in ns for each record.

    The transform must return `ts`.
    """

    def __init__(self, name: str, shards: int) -> None:
        super().__init__(name, shards, forget=True)
        self.times: list[tuple[int, int]] = []

    def put(self, entries, script):
        answer = super().put(entries, script)
        now = time.time_ns()
        self.times += [(orjson.loads(base64.b64decode(entry["Data"]))["ts"], now) for entry in entries]
        return answer


def measure(*, quick: bool, note) -> Latencies:
    secs = 5 if quick else 20
    note(f"{RATE:,} messages a second for {secs} s")
    steady = timed(RATE, secs, linger_ms=10)
    note(f"lone messages for {secs} s")
    return Latencies(steady, timed(LONE_RATE, secs))


def timed(rate: float, secs: float, **kinesis_settings) -> Latency:
    """Publish `rate` messages a second for `secs`. Raise AssertionError unless all of them arrive."""
    count = int(rate * secs)
    stream = TimedStream(STREAM, SHARDS)
    with (
        KinesisStandIn(latency_secs=KINESIS_SECS) as kinesis,
        benchmark_broker() as broker,
        build_folder() as folder,
        bridge(folder, broker.port, kinesis.port, kinesis=kinesis_settings) as process,
    ):
        kinesis.streams[STREAM] = stream
        process.start()
        process.wait_for("subscribed")
        idle(process)
        with publishing(broker.port, count, rate=rate, stamp=True) as publisher:
            published(publisher)
        deadline = time.monotonic() + 30
        while len(stream.times) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        assert process.stop() == 0, process.stderr()
    assert len(stream.times) == count, f"{len(stream.times)} of {count} messages arrived"
    return summary([(accepted - stamp) / 1e6 for stamp, accepted in stream.times], rate)


def summary(milliseconds: list[float], rate: float) -> Latency:
    percentiles = statistics.quantiles(milliseconds, n=100, method="inclusive")
    return Latency(len(milliseconds), rate, percentiles[49], percentiles[98], max(milliseconds))
