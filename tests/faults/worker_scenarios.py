"""Scenarios of `run --workers 3`: workers or the supervisor are killed, a worker hangs, or a disk is full."""

import os
import random
import signal
from contextlib import contextmanager
from functools import partial

from tests.faults.disk_scenarios import UNGUARDED, full, said_so
from tests.faults.scenario import Scenario
from tests.faults.scenario_setup import Setup, Stage
from tests.harness.ledger import LedgerState
from tests.harness.workers import alive
from tests.integration.arrivals import eventually

WORKERS = 3
THREE = Setup(workers=WORKERS)
NUMBERS = range(1, WORKERS + 1)


def started_again(stage: Stage, number: int, before: int) -> None:
    eventually(
        lambda: stage.bridge.pid_of(number) != before, f"worker {number} is started again", timeout_secs=90
    )  # fmt: skip


@contextmanager
def one_killed(stage: Stage):
    """Kill a worker. The supervisor restarts it while the load continues."""
    before = stage.bridge.pid_of(2)
    stage.bridge.kill_worker(2)
    stage.heals()
    yield
    started_again(stage, 2, before)


@contextmanager
def killed_in_turn(stage: Stage, *, kills: int, seed: int):
    instants = random.Random(seed)
    for left in reversed(range(kills)):
        stage.hold(instants.uniform(0.0, 1.0))
        number = instants.choice(NUMBERS)
        before = stage.bridge.pid_of(number)
        assert alive(before)
        stage.bridge.kill_worker(number)
        if not left:
            stage.heals()
        started_again(stage, number, before)
    yield


@contextmanager
def supervisor_killed(stage: Stage):
    """Kill the supervisor. Its workers stop, and the next supervisor may open their spools."""
    pids = [stage.bridge.pid_of(number) for number in NUMBERS]
    stage.bridge.kill()
    eventually(lambda: not any(map(alive, pids)), "the workers stop by themselves")
    stage.heals()
    stage.bridge.start()
    yield


@contextmanager
def everything_killed(stage: Stage):
    """Kill all processes, as in a power failure."""
    pids = [stage.bridge.pid_of(number) for number in NUMBERS]
    for pid in (stage.bridge.pid, *pids):
        os.kill(pid, signal.SIGKILL)
    stage.bridge.wait()
    eventually(lambda: not any(map(alive, pids)), "the workers are gone")
    stage.heals()
    stage.bridge.start()
    yield


@contextmanager
def all_told_to_stop(stage: Stage):
    """Send SIGTERM to all processes at once, as in a shutdown of the machine."""
    pids = [stage.bridge.pid_of(number) for number in NUMBERS]
    for pid in (*pids, stage.bridge.pid):
        os.kill(pid, signal.SIGTERM)
    assert stage.bridge.wait() == 0, stage.bridge.stderr()[-3000:]
    assert not any(map(alive, pids))
    stage.heals()
    stage.bridge.start()
    yield


@contextmanager
def one_hangs(stage: Stage):
    """Pause a worker by SIGSTOP. It keeps the messages that the broker has sent to it."""
    before = stage.bridge.pid_of(2)
    stage.bridge.kill_worker(2, by=signal.SIGSTOP)
    started_again(stage, 2, before)
    stage.heals()
    yield


def told_why(words: str):
    def expect(stage: Stage, _ledger: LedgerState) -> None:
        assert words in stage.bridge.stderr(), stage.bridge.stderr()[-3000:]

    return expect


ONE_KILLED = Scenario(
    "three workers: SIGKILL of one", one_killed, THREE, expect=told_why("worker 2 ended: it was killed by SIGKILL")
)
SCENARIOS = (
    ONE_KILLED,
    Scenario(
        "three workers: SIGKILL of any, ten times in a row",
        partial(killed_in_turn, kills=10, seed=3),
        THREE,
        hold_secs=0,
    ),
    Scenario("three workers: SIGKILL of the supervisor", supervisor_killed, THREE, hold_secs=0),
    Scenario("three workers: SIGKILL of all and the supervisor at once", everything_killed, THREE, hold_secs=0),
    Scenario("three workers: SIGTERM to all and the supervisor at once", all_told_to_stop, THREE, hold_secs=0),
    Scenario(
        "three workers: one hangs (SIGSTOP), until the supervisor kills it",
        one_hangs,
        THREE,
        hold_secs=0,
        expect=told_why("worker 2 ended: it hung (no response for 30 s) and was killed"),
    ),
    Scenario(
        "three workers: the disk of one is full for 4 s (ENOSPC)",
        full,
        Setup(workers=WORKERS, disk_mib=64, disk_of=2, spool=UNGUARDED),
        hold_secs=4,
        needs_root=True,
        expect=said_so,
    ),
)
