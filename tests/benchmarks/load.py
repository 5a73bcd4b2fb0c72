"""Parts of all benchmarks: a real broker, a stand-in for Kinesis that is fast enough, and the load.

mosquitto, the stand-in, the publisher and the bridge are separate processes. The spool is under build/, on a disk and
not in memory, because `fsync` is a part of the measurement.
"""

import contextlib
import http.client
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.harness.bridge_process import ROOT, BridgeProcess, write_configuration
from tests.harness.mosquitto import Mosquitto

BUILD = ROOT / "build"
STREAM = "factory-telemetry"
SHARDS = 16
"""Number of shards with which `kpl` stays below the limits: 4 shards accept 35,000 of these records a second."""
MAPPING = {
    "topic": "factory/{site}/{line}/{machine}/telemetry",
    "transform": (
        "{ machine: captures.machine, temp_c: payload.temperature, site: payload.tags.site, line: payload.tags.line,"
        " count: payload.count, vib: max(payload.vib), ts: payload.ts }"
    ),
    "outputs": [{"data_stream": STREAM, "partition_key_from": "captures.machine"}],
}
"""Mapping of a 200-byte JSON message to seven fields: plain records, in order per machine."""
PATIENCE_SECS = 60
SAMPLE_SECS = 0.02


def packed(packing: str, mapping: dict = MAPPING) -> dict:
    """Return the same mapping with packed records."""
    return mapping | {"outputs": [output | {"packing": packing} for output in mapping["outputs"]]}


@contextlib.contextmanager
def build_folder() -> Iterator[Path]:
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=BUILD) as folder:
        yield Path(folder)


def benchmark_broker() -> Mosquitto:
    """Run a broker without persistence and limits, so that the broker does not limit the measurement."""
    settings = "queue_qos0_messages true"
    return Mosquitto(persistence=False, max_inflight_messages=0, max_queued_messages=0, settings=settings)


@contextlib.contextmanager
def bridge(
    folder: Path,
    broker_port: int,
    kinesis_port: int,
    mapping: dict = MAPPING,
    *,
    mappings: dict[str, dict] | None = None,
    protocol: str = "3.1.1",
    kinesis: dict | None = None,
    **more,
) -> Iterator[BridgeProcess]:
    """Yield a configured bridge that is not started, and end it after the block.

    If `mappings` is given, it replaces `mapping`.
    """
    write_configuration(
        folder,
        mqtt={"url": f"mqtt://127.0.0.1:{broker_port}", "protocol": protocol},
        kinesis={"endpoint_url": f"http://127.0.0.1:{kinesis_port}", **(kinesis or {})},
        mappings=mappings or {"press-telemetry": mapping},
        log={"format": "json", "level": "info"},
        **more,
    )
    process = BridgeProcess(folder, await_subscribed=False)
    try:
        yield process
    finally:
        if process.running:
            process.kill()


def idle(process: BridgeProcess, *, timeout_secs: float = 30) -> None:
    """Wait until the bridge has started and is idle. CPU time after that is for messages."""

    def cpu_secs() -> float:
        assert process.running, f"the bridge has ended:\n{process.stderr()}"
        return process.cpu_secs

    burning_nothing(cpu_secs, for_secs=0.5, most_secs=0.011, timeout_secs=timeout_secs)  # allow one clock tick


def burning_nothing(cpu_secs: Callable[[], float], *, for_secs: float, most_secs: float, timeout_secs: float) -> None:
    """Wait until the processes used at most `most_secs` of CPU within `for_secs`, after they have used some."""
    deadline = time.monotonic() + timeout_secs
    before, since = cpu_secs(), time.monotonic()
    while time.monotonic() - since < for_secs or not before:
        assert time.monotonic() < deadline, "the bridge is never idle"
        time.sleep(0.05)
        if (now := cpu_secs()) - before > most_secs:
            before, since = now, time.monotonic()


@dataclass
class Kinesis:
    """Process of the stand-in for Kinesis, controlled over its control port."""

    port: int
    _connection: http.client.HTTPConnection

    def delivered(self) -> int:
        """Number of records that were accepted so far."""
        return self.counters()["records"]

    def counters(self) -> dict:
        """Return the counts of the stream."""
        self._connection.request("GET", "/counters")
        return json.loads(self._connection.getresponse().read())[STREAM]


@contextlib.contextmanager
def kinesis_process(shards: int = SHARDS, *options: str) -> Iterator[Kinesis]:
    command = [sys.executable, "-m", "tests.fakes.kinesis", "--streams", f"{STREAM}:{shards}", "--forget", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = int(process.stdout.readline())
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
                yield Kinesis(port, connection)
        finally:
            process.kill()


@contextlib.contextmanager
def publishing(
    port: int,
    count: int,
    *,
    qos: int = 1,
    rate: float | None = None,
    stamp: bool = False,
    topics: int = 200,
    client_id: str = "publisher",
) -> Iterator[subprocess.Popen]:
    """Yield the publisher's process, and end it after the block."""
    command = [sys.executable, "-m", "tests.harness.publisher", "--port", str(port), "--count", str(count)]
    command += ["--qos", str(qos), "--topics", str(topics), "--client-id", client_id]
    command += [*(["--rate", str(rate)] if rate else []), *(["--stamp"] if stamp else [])]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def published(process: subprocess.Popen, *, timeout_secs: float = 600) -> dict:
    """Return the publisher's report. Raise AssertionError if it failed."""
    output, _ = process.communicate(timeout=timeout_secs)
    assert process.returncode == 0, "the publisher failed"
    return json.loads(output)


def in_session(process: BridgeProcess, broker: Mosquitto, count: int, **publishing_options) -> float:
    """Queue messages in the broker's session, pause the broker, and start the bridge. Return the rate of the publisher.

    The bridge then waits for its CONNACK. `broker.resume` lets it receive the messages.
    """
    process.start()  # create the session and the subscription in the broker
    process.wait_for("subscribed")
    assert process.stop() == 0, process.stderr()
    with publishing(broker.port, count, **publishing_options) as publisher:
        rate = published(publisher)["rate"]
    broker.pause()
    process.start()
    idle(process)
    return rate


def booked(folder: Path, column: str) -> int:
    """Return the sum of one column of the bridge's ledger."""
    file = f"file:{folder / 'data' / 'spool.db'}?mode=ro"
    with contextlib.closing(sqlite3.connect(file, uri=True, timeout=30)) as database:
        return database.execute(f"select coalesce(sum({column}), 0) from ledger").fetchone()[0]


def delivering(process: BridgeProcess, kinesis: Kinesis, count: int) -> float:
    """Wait until the ledger shows that `count` messages are delivered. Return the rate in messages per second.

    The rate begins with the first record. Kinesis counts packed records, which contain many messages, so the ledger is
    read when no more records arrive.
    """
    first_at = last_at = asked_at = time.monotonic()
    first = seen = 0
    while True:
        time.sleep(SAMPLE_SECS)
        now, records = time.monotonic(), kinesis.delivered()
        if records > seen:
            first_at, first, last_at, seen = (first_at, first, now, records) if seen else (now, records, now, records)
        assert process.running, f"the bridge has ended:\n{process.stderr()}"
        assert now - last_at < PATIENCE_SECS, f"nothing was delivered for a minute:\n{process.stderr()}"
        if now - max(last_at, asked_at) > 0.3:
            asked_at = now
            if booked(process.folder, "delivered") >= count:
                return count * (1 - first / seen) / max(last_at - first_at, SAMPLE_SECS)
