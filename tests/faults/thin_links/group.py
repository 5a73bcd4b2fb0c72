"""Scenario of several thin links that are tested at the same time. They mostly wait, and need little CPU."""

import contextlib
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.scenario import Outcome
from tests.faults.scenario_setup import Setup
from tests.faults.thin_links.kernel_link import Plant
from tests.faults.thin_links.link_run import LinkRun
from tests.faults.thin_links.link_setup import LinkSetup, Surroundings
from tests.faults.thin_links.trial import Trial
from tests.faults.thin_links.verdict import HEAD, LinkResult
from tests.harness.mosquitto import Mosquitto
from tests.harness.network import free_port


@dataclass(frozen=True)
class LinkGroup:
    """Links of one scenario, which is one row of the table in docs/explanation/fault-suite.md."""

    name: str
    runs: tuple[LinkRun, ...]
    setup: Setup = field(default_factory=Setup)

    @property
    def needs_root(self) -> bool:
        return any(run.needs_root for run in self.runs)

    def play(self, folder: Path) -> Outcome:
        """Test all links, print a table of them, and return the row of the scenario."""
        began, cpu_before = time.monotonic(), sum(os.times()[:4])
        results = tried(self, folder)
        print(f"\n{HEAD}\n" + "\n".join(result.row() for result in results), flush=True)
        cpu = sum(os.times()[:4]) - cpu_before + sum(result.cpu_secs for result in results)
        print(f"{self.name}: {cpu / (time.monotonic() - began):.0%} of one core", file=sys.stderr, flush=True)
        return outcome_of(self.name, results)


def tried(group: LinkGroup, folder: Path) -> list[LinkResult]:
    """Test the links of a group at the same time. An error that ends the test of a link is a problem of this link."""
    with contextlib.ExitStack() as parts:
        plant = parts.enter_context(Plant(used=group.needs_root))
        # Only the links of the plant's namespace can reach this listener.
        field_port = free_port()
        settings = f"listener {field_port} 0.0.0.0" if group.needs_root else ""
        broker = parts.enter_context(Mosquitto(settings=settings))
        around = Surroundings(plant, broker.port, field_port, folder)
        # Threads that start here are in the plant, and so are the processes that they start.
        pool = parts.enter_context(ThreadPoolExecutor(len(group.runs)))
        return list(pool.map(lambda item: one_tried(item[1], item[0], around), enumerate(group.runs, 1)))


def one_tried(run: LinkRun, number: int, around: Surroundings) -> LinkResult:
    try:
        with LinkSetup(run, number, around) as setup:
            return Trial(setup).measure()
    except (AssertionError, OSError) as error:
        return LinkResult(run, problems=(f"could not be tried: {str(error).splitlines()[0][:300]}",))


def outcome_of(name: str, results: list[LinkResult]) -> Outcome:
    """Return the row of the scenario: the sum of all links, and the slowest recovery."""
    recoveries = [result.recovery_secs for result in results]
    bridges = [result for result in results if result.run.sender == "bridge"]
    return Outcome(
        name,
        sum(result.phases[0].delivered / result.run.message_bytes for result in bridges if result.phases),
        sum(result.published for result in results),
        sum(result.lost for result in results),
        sum(result.duplicates for result in results),
        None if None in recoveries else max(recoveries),
        tuple(f"{result.run.link_name}: {fault}" for result in results for fault in result.faults),
    )
