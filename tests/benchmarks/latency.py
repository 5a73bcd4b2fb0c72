"""From publish to accepted by Kinesis: the publisher stamps each message, the stand-in notes when it accepted it."""

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
from tests.stand_in.kinesis import KinesisStandIn
from tests.stand_in.kinesis_streams import Stream


@dataclass
class Latency:
    """Milliseconds."""

    messages: int
    rate: float
    p50_ms: float
    p99_ms: float
    max_ms: float


class TimedStream(Stream):
    """Notes (stamp, time of acceptance) in ns for each record; the transform must carry `ts` through."""

    def __init__(self, name: str, shards: int) -> None:
        super().__init__(name, shards, forget=True)
        self.times: list[tuple[int, int]] = []

    def put(self, entries, script):
        answer = super().put(entries, script)
        now = time.time_ns()
        self.times += [(orjson.loads(base64.b64decode(entry["Data"]))["ts"], now) for entry in entries]
        return answer


def measure(rate: float, secs: float) -> Latency:
    """`rate` messages a second for `secs`; AssertionError unless all of them arrive."""
    count = int(rate * secs)
    stream = TimedStream(STREAM, SHARDS)
    with KinesisStandIn() as kinesis, benchmark_broker() as broker, build_folder() as folder:
        kinesis.streams[STREAM] = stream
        with bridge(folder, broker.port, kinesis.port) as process:
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
