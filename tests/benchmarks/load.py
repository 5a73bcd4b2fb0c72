"""What every benchmark of the whole bridge runs on: a real broker, a Kinesis that is no bottleneck, and the load.

mosquitto as configured here, the stand-in for Kinesis, the publisher and the bridge are processes of their own. The
spool lies under build/, on a disk and not in memory: its fsync is part of what is measured.
"""

import contextlib
import http.client
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.rig.bridge_process import ROOT, BridgeProcess, write_configuration
from tests.rig.mosquitto import Mosquitto

BUILD = ROOT / "build"
STREAM = "factory-telemetry"
SHARDS = 4
MAPPING = {
    "topic": "factory/{site}/{line}/{machine}/telemetry",
    "transform": (
        "{ machine: captures.machine, temp_c: payload.temperature, site: payload.tags.site, line: payload.tags.line,"
        " count: payload.count, vib: max(payload.vib), ts: payload.ts }"
    ),
    "outputs": [{"data_stream": STREAM, "partition_key_from": "captures.machine"}],
}
"""Seven fields of a 200-byte JSON message; plain records, in order per machine."""


@contextlib.contextmanager
def build_folder() -> Iterator[Path]:
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=BUILD) as folder:
        yield Path(folder)


def benchmark_broker() -> Mosquitto:
    """No persistence and no limits: the broker must not be what is measured."""
    return Mosquitto(persistence=False, max_inflight_messages=0, max_queued_messages=0)


@contextlib.contextmanager
def bridge(folder: Path, broker_port: int, kinesis_port: int, mapping: dict = MAPPING) -> Iterator[BridgeProcess]:
    """Configured, and not started yet; it is ended with the block."""
    write_configuration(
        folder,
        mqtt={"url": f"mqtt://127.0.0.1:{broker_port}", "protocol": "3.1.1"},
        kinesis={"endpoint_url": f"http://127.0.0.1:{kinesis_port}"},
        mappings={"press-telemetry": mapping},
        log={"format": "json", "level": "info"},
    )
    process = BridgeProcess(folder, await_subscribed=False)
    try:
        yield process
    finally:
        if process.running:
            process.kill()


def idle(process: BridgeProcess, *, timeout_secs: float = 30) -> None:
    """Until the bridge has started and burns nothing: what it does from then on, it does for the messages."""
    deadline = time.monotonic() + timeout_secs
    before, since = process.cpu_secs, time.monotonic()
    while time.monotonic() - since < 0.5 or not before:
        assert process.running, f"the bridge has ended:\n{process.stderr()}"
        assert time.monotonic() < deadline, "the bridge is never idle"
        time.sleep(0.05)
        if process.cpu_secs - before > 0.011:  # one tick may pass in the half second
            before, since = process.cpu_secs, time.monotonic()


@dataclass
class Kinesis:
    """The stand-in's process, seen over its control port."""

    port: int
    _connection: http.client.HTTPConnection

    def delivered(self) -> int:
        """Records accepted so far."""
        return self.counters()["records"]

    def counters(self) -> dict:
        """The stream's counts so far."""
        self._connection.request("GET", "/counters")
        return json.loads(self._connection.getresponse().read())[STREAM]


@contextlib.contextmanager
def kinesis_process(shards: int = SHARDS, *options: str) -> Iterator[Kinesis]:
    command = [sys.executable, "-m", "tests.stand_in.kinesis", "--streams", f"{STREAM}:{shards}", "--forget", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = int(process.stdout.readline())
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
                yield Kinesis(port, connection)
        finally:
            process.kill()


@contextlib.contextmanager
def publishing(port: int, count: int, *, rate: float | None = None, stamp: bool = False) -> Iterator[subprocess.Popen]:
    """The publisher's process; it is ended with the block."""
    command = [sys.executable, "-m", "tests.rig.publisher", "--port", str(port), "--count", str(count)]
    command += [*(["--rate", str(rate)] if rate else []), *(["--stamp"] if stamp else [])]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def published(process: subprocess.Popen, *, timeout_secs: float = 600) -> dict:
    """What the publisher says it did. AssertionError when it failed."""
    output, _ = process.communicate(timeout=timeout_secs)
    assert process.returncode == 0, "the publisher failed"
    return json.loads(output)
