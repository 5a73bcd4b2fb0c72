"""Section footprint: start, idle CPU, memory and disk writes of the bridge on a small machine.

The page is served as by default. When the page is open, a client reads its two event streams like a browser. The
written bytes are all bytes that the kernel was requested to write, per message: write-ahead log, checkpoints and
everything else.
"""

import contextlib
import http.client
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.load import (
    ROOT,
    benchmark_broker,
    booked,
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
from tests.benchmarks.scoreboard import Figure, at_most
from tests.harness.bridge_process import BridgeProcess
from tests.harness.network import free_port

STARTS = 7
IDLE_SECS = 30.0
LIVE_RATES = (10, 1_000)
"""Rate in messages per second."""
LIVE_SECS = 20
MB = 10**6


@dataclass
class Footprint:
    """Results. `start_secs` has the times of all starts. Written bytes are per message, for each kind of traffic."""

    start_secs: list[float]
    start_cpu_secs: float
    import_secs: float
    idle_percent: float
    idle_open_percent: float
    rss_mb: float
    rss_open_mb: float
    idle_written_bytes_per_hour: float
    written: dict[str, float]

    def figures(self) -> list[Figure]:
        return [
            Figure("start to subscribed: median", statistics.median(self.start_secs), "s", at_most(1.0)),
            Figure("start to subscribed: least", min(self.start_secs), "s"),
            Figure("start to subscribed: CPU", self.start_cpu_secs, "s"),
            Figure("of it imports: CPU", self.import_secs, "s"),
            Figure("idle: CPU", self.idle_percent, "% of a core"),
            Figure("idle, page open: CPU", self.idle_open_percent, "% of a core", at_most(1)),
            Figure("idle: memory", self.rss_mb, "MB"),
            Figure("idle, page open: memory", self.rss_open_mb, "MB", at_most(90)),
            Figure("idle: written to disk", self.idle_written_bytes_per_hour / 1024, "KiB/h"),
            *(Figure(f"written to disk, {name}", size, "bytes/message") for name, size in self.written.items()),
        ]


def measure(*, quick: bool, note) -> Footprint:
    note(f"{STARTS} starts")
    starts, cpu = _starts(2 if quick else STARTS)
    secs = 5.0 if quick else IDLE_SECS
    note(f"idle for {secs:.0f} s, then with the page open")
    resting = _idle(secs)
    return Footprint(starts, cpu, _import_secs(), *resting, _written(quick=quick, note=note))


def _starts(times: int) -> tuple[list[float], float]:
    """Return the seconds from the command to the SUBACK for each start, and the CPU time of the last start."""
    found, cpu, port = [], 0.0, free_port()
    with (
        build_folder() as folder,
        benchmark_broker() as broker,
        kinesis_process() as kinesis,
        bridge(folder, broker.port, kinesis.port, http={"listen": f"127.0.0.1:{port}"}) as process,
    ):
        for turn in range(times):
            began = time.monotonic()
            process.start()
            process.wait_for("subscribed")
            found.append(time.monotonic() - began)
            cpu = process.cpu_secs
            idle(process)
            if turn == 0:
                with _page_open(port):  # the first start compiles modules, which costs time and memory
                    time.sleep(1)
            assert process.stop() == 0, process.stderr()
    return found, cpu


def _import_secs() -> float:
    """Return the CPU time of the imports of `run`: an interpreter with them, minus an interpreter without them."""
    code = "import resource; print(sum(resource.getrusage(resource.RUSAGE_SELF)[:2]))"
    imports = "import bridge.cli.commands.run, bridge.runtime.service, bridge.web.server;"
    least = [min(float(_output(before + code)) for _ in range(3)) for before in ("", imports)]
    return least[1] - least[0]


def _output(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def _idle(secs: float) -> tuple[float, float, float, float, float]:
    """Return (CPU with the page closed, CPU with the page open, memory closed, memory open, bytes written per hour).

    CPU is in percent of a core, and memory in MB.
    """
    port = free_port()
    with (
        build_folder() as folder,
        benchmark_broker() as broker,
        kinesis_process() as kinesis,
        bridge(folder, broker.port, kinesis.port, http={"listen": f"127.0.0.1:{port}"}) as process,
    ):
        process.start()
        process.wait_for("subscribed")
        with publishing(broker.port, 200, rate=100) as publisher:  # so that the page has data to show
            published(publisher)
        idle(process)
        written = written_bytes(process.pid)
        shut, rss = _percent(process, secs), process.rss_bytes / MB
        per_hour = (written_bytes(process.pid) - written) / secs * 3600
        with _page_open(port):
            time.sleep(2)
            opened = _percent(process, secs)
            return shut, opened, rss, process.rss_bytes / MB, per_hour


def _percent(process: BridgeProcess, secs: float) -> float:
    before = process.cpu_secs
    time.sleep(secs)
    return (process.cpu_secs - before) / secs * 100


@contextlib.contextmanager
def _page_open(port: int) -> Iterator[None]:
    """Send the requests of a browser on the overview: files of the page, the last hour, and two event streams."""
    _get(port, "/").read()
    _get(port, "/api/history").read()
    streams = [_get(port, "/api/events"), _get(port, "/api/messages")]
    readers = [threading.Thread(target=_drain, args=(stream,), daemon=True) for stream in streams]
    for reader in readers:
        reader.start()
    yield
    assert all(reader.is_alive() for reader in readers), "the bridge has ended a stream of events"


def _get(port: int, path: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse()
    assert answer.status == http.HTTPStatus.OK, f"{path}: {answer.status}"
    return answer


def _drain(stream: http.client.HTTPResponse) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        while stream.read1(65536):
            pass


def _written(*, quick: bool, note) -> dict[str, float]:
    """Return the bytes written per message: singly, at a constant rate, and from a full queue."""
    found = {}
    for rate in LIVE_RATES:
        note(f"written at {rate:,} messages/s")
        found[f"{rate:,} messages/s"] = _written_live(rate, 4 if quick else LIVE_SECS)
    note("written from a full queue")
    found["from a full queue"] = _written_full(20_000 if quick else 200_000)
    return found


def _written_live(rate: int, secs: int) -> float:
    count = rate * secs
    with _parts() as (folder, broker, _, process):
        process.start()
        process.wait_for("subscribed")
        idle(process)
        before = written_bytes(process.pid)
        with publishing(broker.port, count, rate=rate) as publisher:
            published(publisher)
        deadline = time.monotonic() + 30
        while booked(folder, "delivered") < count:
            assert time.monotonic() < deadline, process.stderr()
            time.sleep(0.2)
        idle(process)
        return (written_bytes(process.pid) - before) / count


def _written_full(count: int) -> float:
    with _parts() as (_, broker, kinesis, process):
        in_session(process, broker, count)
        before = written_bytes(process.pid)
        broker.resume()
        delivering(process, kinesis, count)
        return (written_bytes(process.pid) - before) / count


@contextlib.contextmanager
def _parts() -> Iterator[tuple]:
    with (
        build_folder() as folder,
        benchmark_broker() as broker,
        kinesis_process() as kinesis,
        bridge(folder, broker.port, kinesis.port, packed("kpl")) as process,
    ):
        yield folder, broker, kinesis, process


def written_bytes(pid: int) -> int:
    """Return the bytes that the process has written to disks: proc(5), /proc/pid/io."""
    lines = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return int(lines["write_bytes"])
