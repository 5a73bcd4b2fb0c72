"""The whole bridge at full load: CPU per message, messages per second, memory, and whether everything arrived.

    live         the publisher sends while the bridge runs, and both share the machine with broker and Kinesis
    preloaded    the messages wait in the broker's session; the bridge, already started, is let at them all at once

Either way the bridge is idle when its CPU time is read first, so that every cost of every message is counted and
nothing of the start; it is read last when Kinesis has accepted the last message.
"""

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.load import (
    benchmark_broker,
    bridge,
    build_folder,
    idle,
    kinesis_process,
    published,
    publishing,
)
from tests.rig.books import read_books

SAMPLE_SECS = 0.02


@dataclass
class Pipeline:
    """`messages_per_sec` is from the first delivered to the last, `duplicates` are records sent more than once, and MB
    are 10^6 bytes."""

    load: str
    messages: int
    cpu_us_per_message: float
    messages_per_sec: float
    max_rss_mb: float
    duplicates: int
    publisher_per_sec: float


def live(count: int) -> Pipeline:
    with _parts() as (broker, kinesis, process):
        process.start()
        process.wait_for("subscribed")
        idle(process)
        before = process.cpu_secs
        with publishing(broker.port, count) as publisher:
            per_sec = _delivered(kinesis, process, count)
            rate = published(publisher)["rate"]
        return _result("live", count, process, kinesis, before, per_sec, rate)


def preloaded(count: int) -> Pipeline:
    with _parts() as (broker, kinesis, process):
        process.start()  # leaves its session and its subscription with the broker
        process.wait_for("subscribed")
        assert process.stop() == 0, process.stderr()
        with publishing(broker.port, count) as publisher:
            rate = published(publisher)["rate"]
        broker.pause()  # so that the bridge starts, and then waits for its CONNACK
        process.start()
        idle(process)
        before = process.cpu_secs
        broker.resume()
        per_sec = _delivered(kinesis, process, count)
        return _result("preloaded", count, process, kinesis, before, per_sec, rate)


@contextlib.contextmanager
def _parts():
    with (
        build_folder() as folder,
        benchmark_broker() as broker,
        kinesis_process() as kinesis,
        bridge(folder, broker.port, kinesis.port) as process,
    ):
        yield broker, kinesis, process


def _delivered(kinesis, process, count) -> float:
    """Wait for the last message; messages per second since the first was seen."""
    first_at, first = None, 0
    moved_at, delivered = time.monotonic(), 0
    while delivered < count:
        time.sleep(SAMPLE_SECS)
        now, seen = time.monotonic(), kinesis.delivered()
        if seen > delivered:
            delivered, moved_at = seen, now
        if first_at is None and seen:
            first_at, first = now, seen
        assert process.running, f"the bridge has ended:\n{process.stderr()}"
        assert now - moved_at < 60, f"{delivered} of {count} delivered, and nothing for a minute:\n{process.stderr()}"
    return (delivered - first) / (moved_at - first_at) if moved_at > first_at else float(count)


def _result(load, count, process, kinesis, before, per_sec, publisher_per_sec) -> Pipeline:
    cpu, memory = process.cpu_secs - before, process.max_rss_bytes
    assert process.stop() == 0, process.stderr()
    _check_books(process.folder, kinesis.delivered(), count)
    return Pipeline(
        load=load,
        messages=count,
        cpu_us_per_message=cpu / count * 1e6,
        messages_per_sec=per_sec,
        max_rss_mb=memory / 1e6,
        duplicates=kinesis.delivered() - count,
        publisher_per_sec=publisher_per_sec,
    )


def _check_books(folder: Path, accepted: int, count: int) -> None:
    """What Kinesis accepted is what the bridge says it delivered, and nothing is left in the spool."""
    books = read_books(folder / "data")
    books.check()
    assert books.total("delivered") == accepted >= count, (accepted, count, books)
    assert (books.in_queues, books.letters) == (0, 0), books
