"""The spool's disk is full, becomes read-only, or loses writes that it has accepted."""

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
    """System calls of the running bridge give this error: https://man7.org/linux/man-pages/man1/strace.1.html

    A file system cannot turn read-only under a file that is open for writing, unless it breaks: this is what a broken
    one answers.
    """
    tracer = strace(stage, calls, error)
    try:
        yield
    finally:
        assert tracer.poll() is None, f"strace ended by itself: {tracer.stderr.read()}"
        tracer.send_signal(signal.SIGINT)  # it detaches from the bridge, which continues
        tracer.communicate(timeout=20)


@contextmanager
def killed_while_syncs_fail(stage: Stage):
    """Simulate a crash: written data is in the page cache, and the next run finds it."""
    failing = strace(stage, SYNCING, "EIO")
    stage.logged("back-pressure: reading paused")
    stage.hold(1)
    stage.bridge.kill()
    failing.communicate(timeout=20)
    stage.heals()
    stage.bridge.start()
    yield


def said_so(stage: Stage, _ledger: LedgerState) -> None:
    """Assert that the bridge stopped reading, reported the reason, and continued without a restart."""
    log = stage.bridge.stderr()
    assert "back-pressure: reading paused" in log, log[-3000:]
    assert "spool writable again: reading resumed" in log, log[-3000:]


def on_a_disk(name: str, fault, **setup) -> Scenario:
    return Scenario(f"disk: {name}", fault, Setup(**setup), hold_secs=4, needs_root=True, expect=said_so)


UNGUARDED = (("min_free_bytes", 0),)
"""Not even the disk's last bytes are kept free, so that SQLite itself meets its end."""
WRITING = "pwrite64,ftruncate,fallocate"
SYNCING = "fsync,fdatasync"
SCENARIOS = (
    on_a_disk("full for 4 s (ENOSPC)", full, disk_mib=64, spool=UNGUARDED),
    on_a_disk("read-only for 4 s (EROFS)", partial(calls_fail, calls=WRITING, error="EROFS")),
    on_a_disk("fsync fails for 4 s (EIO)", partial(calls_fail, calls=SYNCING, error="EIO")),
    replace(on_a_disk("killed while fsync fails (EIO)", killed_while_syncs_fail), hold_secs=0, expect=nothing_more),
)
