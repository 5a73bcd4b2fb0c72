"""Scenarios of the spool's disk: it is full, becomes read-only, or loses writes that it has accepted."""

import signal
import subprocess
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from tests.faults.scenario import Scenario, nothing_more
from tests.faults.scenario_setup import Setup, Stage
from tests.harness.ledger import LedgerState


@contextmanager
def full(stage: Stage):
    stage.disk.fill()
    yield
    stage.disk.empty()


def strace(stage: Stage, calls: str, error: str) -> subprocess.Popen:
    options = ["-f", "-q", "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}"]
    return subprocess.Popen(["strace", *options, "-p", str(stage.bridge.pid)], stderr=subprocess.PIPE, text=True)


@contextmanager
def calls_fail(stage: Stage, *, calls: str, error: str):
    """Let system calls of the running bridge fail with this error.

    A file system becomes read-only under a file that is open for writing only if it is broken. The errors here are
    those of such a file system. https://man7.org/linux/man-pages/man1/strace.1.html
    """
    tracer = strace(stage, calls, error)
    try:
        yield
    finally:
        assert tracer.poll() is None, f"strace ended by itself: {tracer.stderr.read()}"
        tracer.send_signal(signal.SIGINT)  # strace detaches from the bridge, and the bridge continues
        tracer.communicate(timeout=20)


@contextmanager
def killed_while_syncs_fail(stage: Stage):
    """Kill the bridge while `fsync` fails. The page cache still contains the written data, so the next run reads it."""
    failing = strace(stage, SYNCING, "EIO")
    stage.logged("back-pressure: reading paused")
    stage.hold(1)
    stage.bridge.kill()
    failing.communicate(timeout=20)
    stage.heals()
    stage.bridge.start()
    yield


def said_so(stage: Stage, _ledger: LedgerState) -> None:
    """Check that the bridge paused reading, reported the reason, and continued without a restart."""
    log = stage.bridge.stderr()
    assert "back-pressure: reading paused" in log, log[-3000:]
    assert "spool writable again: reading resumed" in log, log[-3000:]


def on_a_disk(name: str, fault, **setup) -> Scenario:
    return Scenario(f"disk: {name}", fault, Setup(**setup), hold_secs=4, needs_root=True, expect=said_so)


UNGUARDED = (("min_free_bytes", 0),)
"""Settings with which the bridge keeps no disk space free, so that SQLite itself finds the disk full."""
WRITING = "pwrite64,ftruncate,fallocate"
SYNCING = "fsync,fdatasync"
SCENARIOS = (
    on_a_disk("full for 4 s (ENOSPC)", full, disk_mib=64, spool=UNGUARDED),
    on_a_disk("read-only for 4 s (EROFS)", partial(calls_fail, calls=WRITING, error="EROFS")),
    on_a_disk("fsync fails for 4 s (EIO)", partial(calls_fail, calls=SYNCING, error="EIO")),
    replace(on_a_disk("killed while fsync fails (EIO)", killed_while_syncs_fail), hold_secs=0, expect=nothing_more),
)
