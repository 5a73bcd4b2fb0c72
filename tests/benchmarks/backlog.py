"""Section backlog: the bridge starts with five million records, receives messages, and delivers the records.

ingest     Kinesis is unreachable. The bridge receives messages that the broker has queued, once with an empty spool,
           and once with the backlog
drain      Kinesis is reachable. The bridge delivers the packed backlog while live messages arrive. At the end, the
           database must have its former size

The delivered records are read from the ledger in the database, because Kinesis sees packed records.
"""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.backlog_fill import NAME
from tests.benchmarks.footprint import written_bytes
from tests.benchmarks.load import (
    ROOT,
    SHARDS,
    benchmark_broker,
    booked,
    bridge,
    build_folder,
    in_session,
    kinesis_process,
    packed,
    publishing,
)
from tests.benchmarks.scoreboard import Figure, at_least, at_most
from tests.harness.ledger import read_ledger
from tests.harness.network import free_port

RECORDS = 5_000_000
ROUNDS = 2
"""Number of rounds of `ingest`. The better result counts, because other work on the machine slows down some rounds."""
LIVE_RATE = 2_000
MIB = 1024**2
DATABASE_MIB = 24
"""Size of the database after the drain: its reserve of free pages, and the log."""
LEAST_MIB_FREED_PER_SEC = 1
SPOOL = {"max_bytes": "64 GiB"}
SAMPLE_SECS = 0.1


@dataclass
class Taken:
    """Result of receiving messages while Kinesis is unreachable."""

    messages: int
    messages_per_sec: float
    cpu_us_per_message: float
    start_secs: float
    rss_mb: float


@dataclass
class Drained:
    """Result of a drain. `rss_early_mb` and `rss_late_mb` are the maximum memory in its first and its last third."""

    records_per_sec: float
    cpu_us_per_record: float
    written_bytes_per_record: float
    live_messages: int
    rss_early_mb: float
    rss_late_mb: float
    database_mib: float
    shrunk_secs: float


@dataclass
class Backlog:
    records: int
    backlog_mib: float
    empty: Taken
    behind: Taken
    drained: Drained

    def figures(self) -> list[Figure]:
        behind, drained = self.behind, self.drained
        rate = behind.messages_per_sec / self.empty.messages_per_sec * 100
        cpu = behind.cpu_us_per_message / self.empty.cpu_us_per_message * 100
        most = max(behind.rss_mb, drained.rss_early_mb, drained.rss_late_mb)
        return [
            Figure("records that wait", self.records),
            Figure("their size on disk", self.backlog_mib, "MiB"),
            Figure("start to subscribed", behind.start_secs, "s", at_most(2)),
            Figure("ingest rate, of that into an empty spool", rate, "%", at_least(85)),
            Figure("ingest CPU a message, of that into an empty spool", cpu, "%", at_most(115)),
            Figure(
                f"drained while {LIVE_RATE:,} live messages/s come", drained.records_per_sec, "/s", at_least(25_000)
            ),
            Figure("CPU per drained record", drained.cpu_us_per_record, "µs"),
            Figure("bytes written to disk per drained record", drained.written_bytes_per_record, "B"),
            Figure("resident memory, most", most, "MB", at_most(150)),
            Figure("resident memory grows from first to last third", drained.rss_late_mb - drained.rss_early_mb, "MB"),
            Figure("database after the drain", drained.database_mib, "MiB", at_most(DATABASE_MIB)),
            Figure("time until it has shrunk", drained.shrunk_secs, "s"),
        ]


def measure(*, quick: bool, note) -> Backlog:
    records, messages = (300_000, 40_000) if quick else (RECORDS, 300_000)
    with build_folder() as folder:
        note(f"filling a spool with {records:,} records")
        command = [sys.executable, "-m", "tests.benchmarks.backlog_fill", str(folder / "data"), str(records)]
        subprocess.run(command, cwd=ROOT, check=True)
        size = database_bytes(folder) / MIB
        empty, behind = [], []
        for _ in range(ROUNDS):
            note(f"{messages:,} messages into an empty spool, Kinesis out of reach, and behind the backlog")
            with build_folder() as other:
                empty.append(taken(other, messages))
            behind.append(taken(folder, messages))
        note("draining")
        return Backlog(records, size, best(empty), best(behind), drain(folder))


def best(rounds: list[Taken]) -> Taken:
    """Return the best value of each figure, because other activity may have disturbed the other round."""
    return Taken(
        messages=rounds[0].messages,
        messages_per_sec=max(each.messages_per_sec for each in rounds),
        cpu_us_per_message=min(each.cpu_us_per_message for each in rounds),
        start_secs=min(each.start_secs for each in rounds),
        rss_mb=max(each.rss_mb for each in rounds),
    )


def taken(folder: Path, count: int) -> Taken:
    with (
        benchmark_broker() as broker,
        bridge(folder, broker.port, free_port(), mappings={NAME: packed("kpl")}, spool=SPOOL) as process,
    ):
        before = booked_in(folder, "received")
        process.start()
        started = time.monotonic()
        process.wait_for("subscribed")
        start_secs = time.monotonic() - started
        assert process.stop() == 0, process.stderr()
        in_session(process, broker, count)
        cpu, began = process.cpu_secs, time.monotonic()
        broker.resume()
        while (seen := booked_in(folder, "received") - before) < count:
            assert process.running, process.stderr()
            assert time.monotonic() - began < 300, f"{seen} of {count} were taken in:\n{process.stderr()}"
            time.sleep(0.02)
        secs = time.monotonic() - began
        cpu = process.cpu_secs - cpu
        found = Taken(count, count / secs, cpu / count * 1e6, start_secs, process.max_rss_bytes / 1e6)
        assert process.stop() == 0, process.stderr()
    return found


def drain(folder: Path) -> Drained:
    """Drain the backlog. Raise AssertionError unless all records are delivered and the ledger is balanced."""
    with (
        benchmark_broker() as broker,
        kinesis_process(SHARDS) as kinesis,
        bridge(folder, broker.port, kinesis.port, mappings={NAME: packed("kpl")}, spool=SPOOL) as process,
    ):
        waiting = booked(folder, "spooled")
        process.start()
        process.wait_for("subscribed")
        cpu, began, delivered = process.cpu_secs, time.monotonic(), booked(folder, "delivered")
        memory = []
        with publishing(broker.port, 10**9, rate=LIVE_RATE):
            while (left := booked(folder, "spooled")) > 2 * LIVE_RATE:
                assert process.running, process.stderr()
                assert time.monotonic() - began < 60 + waiting / 5_000, f"{left} still wait:\n{process.stderr()}"
                memory.append(process.rss_bytes / 1e6)
                time.sleep(SAMPLE_SECS)
            secs = time.monotonic() - began
        written = written_bytes(process.pid)
        cpu, gone = process.cpu_secs - cpu, booked(folder, "delivered") - delivered
        shrunk_secs = shrinking(folder)
        third = max(1, len(memory) // 3)
        assert process.stop() == 0, process.stderr()
        read_ledger(folder / "data").check()
        return Drained(
            records_per_sec=gone / secs,
            cpu_us_per_record=cpu / gone * 1e6,
            written_bytes_per_record=written / gone,
            live_messages=gone - waiting,
            rss_early_mb=max(memory[:third]),
            rss_late_mb=max(memory[-third:]),
            database_mib=database_bytes(folder) / MIB,
            shrunk_secs=shrunk_secs,
        )


def shrinking(folder: Path) -> float:
    """Wait until the database has its former size again, without new messages. Return the duration.

    The file becomes smaller at once at the end, by the checkpoint after the last step of the vacuum.
    """
    began = time.monotonic()
    most_secs = 30 + database_bytes(folder) / MIB / LEAST_MIB_FREED_PER_SEC
    while database_bytes(folder) > DATABASE_MIB * MIB and time.monotonic() - began < most_secs:
        time.sleep(SAMPLE_SECS)
    return time.monotonic() - began


def booked_in(folder: Path, column: str) -> int:
    """Return the sum of a column of the ledger; 0 if there is no spool."""
    return booked(folder, column) if (folder / "data" / "spool.db").exists() else 0


def database_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in (folder / "data").glob("spool.db*"))
