"""A scenario: a load, a fault during the load, and conditions that must be true at the end.

These conditions are checked in every scenario:

- Every message that the broker has acknowledged is in every stream.
- In the stream with strict order, the first copies of the records of each machine are in order.
- The ledger balances on disk, equals the ledger that the bridge reports when it stops, and shows no buffered record.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tests.faults.scenario_setup import Setup, Stage, staged
from tests.harness.ledger import LedgerState
from tests.integration.arrivals import stop_and_balance

WARM_UP = 500
DRAIN_SECS = 180.0


def nothing_more(_stage: Stage, _ledger: LedgerState) -> None:
    """Check nothing in addition to the conditions of every scenario."""


@dataclass(frozen=True)
class Scenario:
    """A scenario.

    fault        context manager that causes the fault; the load continues for `hold_secs` within it
    expect       additional check at the end
    needs_root   the scenario mounts file systems, creates namespaces or traces processes
    """

    name: str
    fault: Callable[[Stage], AbstractContextManager[None]]
    setup: Setup = field(default_factory=Setup)
    hold_secs: float = 2.0
    needs_root: bool = False
    expect: Callable[[Stage, LedgerState], None] = nothing_more

    def play(self, folder: Path) -> "Outcome":
        """Run the scenario in an empty folder."""
        return play(self, folder)


class Playable(Protocol):
    """A scenario of any kind, which is one row in the table of `make faults`."""

    @property
    def name(self) -> str: ...

    @property
    def needs_root(self) -> bool: ...

    @property
    def setup(self) -> Setup: ...

    def play(self, folder: Path) -> "Outcome":
        """Run the scenario in an empty folder, and return its row. Raise AssertionError or OSError."""


@dataclass(frozen=True)
class Outcome:
    """One row of the table, with the problems. `recovery_secs` is the result of `Stage.time_to_recover`."""

    name: str
    held: float
    sent: int
    lost: int
    duplicates: int
    recovery_secs: float | None
    problems: tuple[str, ...] = ()


def play(scenario: Scenario, folder: Path, *, drain_secs: float = DRAIN_SECS) -> Outcome:
    """Run the scenario in an empty folder. A message that has not arrived `drain_secs` after its end is lost."""
    with staged(scenario.setup, folder) as stage:
        stage.load.start()
        stage.flow(WARM_UP)
        with scenario.fault(stage):
            stage.hold(scenario.hold_secs)
            stage.heals()
        recovery = stage.time_to_recover(drain_secs)
        sent = stage.load.stop()
        stage.drained(sent, drain_secs)
        return judged(scenario, stage, sent, recovery)


def judged(scenario: Scenario, stage: Stage, sent: int, recovery: float | None) -> Outcome:
    """Stop the bridge, check its ledger and the records in Kinesis, and return the row of the table."""
    problems = []
    try:
        assert stage.bridge.running, f"the bridge has ended: {stage.worst()}"
        ledger = stage.bridge.stop_and_balance() if stage.setup.workers else stop_and_balance(stage.bridge)
        account_for(ledger, sent)
        scenario.expect(stage, ledger)
    except AssertionError as error:
        problems.append(f"{error}")
    lost = stage.sink.lost(sent)
    if lost:
        problems.append(f"{lost} of {sent} messages have not arrived")
    if stage.sink.beyond > sent:
        problems.append(f"message {stage.sink.beyond - 1} has arrived, and the last one sent was {sent - 1}")
    if stage.sink.disordered:
        problems.append(f"{stage.sink.disordered} messages arrived out of order where order is strict")
    return Outcome(
        scenario.name, stage.load.held, sent, lost, stage.sink.duplicates, recovery, tuple(problems)
    )  # fmt: skip


def account_for(ledger: LedgerState, sent: int) -> None:
    """Check for each mapping and stream that all sent records were received and delivered, and none is buffered."""
    for (mapping, stream), line in ledger.lines.items():
        if mapping and stream and mapping != "hostile":
            assert line["received"] >= sent, f"{mapping} to {stream}: {line}, and {sent} messages were sent"
            assert line["spooled"] == line["dropped"] == 0, f"{mapping} to {stream}: {line}"
            assert line["delivered"] >= sent, f"{mapping} to {stream}: {line}, and {sent} messages were sent"
