"""A scenario of several thin links that are tried at the same time: they mostly wait, and use little of the machine."""

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
    """The links of one scenario, and so of one row of the table in docs/explanation/fault-suite.md."""

    name: str
    runs: tuple[LinkRun, ...]
    setup: Setup = field(default_factory=Setup)

    @property
    def needs_root(self) -> bool:
        return any(run.needs_root for run in self.runs)

    def play(self, folder: Path) -> Outcome:
        """Try all links, print the table of them, and return the scenario's row."""
        began, cpu_before = time.monotonic(), sum(os.times()[:4])
        results = tried(self, folder)
        print(f"\n{HEAD}\n" + "\n".join(result.row() for result in results), flush=True)
        cpu = sum(os.times()[:4]) - cpu_before + sum(result.cpu_secs for result in results)
        print(f"{self.name}: {cpu / (time.monotonic() - began):.0%} of one core", file=sys.stderr, flush=True)
        return outcome_of(self.name, results)


def tried(group: LinkGroup, folder: Path) -> list[LinkResult]:
    """Try the links of a group side by side. An error that ends one link's trial is a problem of that link."""
    with contextlib.ExitStack() as parts:
        plant = parts.enter_context(Plant(used=group.needs_root))
        # In the plant's namespace nothing but its links reaches this listener.
        field_port = free_port()
        settings = f"listener {field_port} 0.0.0.0" if group.needs_root else ""
        broker = parts.enter_context(Mosquitto(settings=settings))
        around = Surroundings(plant, broker.port, field_port, folder)
        # Threads that start here are in the plant, as are all that they start.
        pool = parts.enter_context(ThreadPoolExecutor(len(group.runs)))
        return list(pool.map(lambda item: one_tried(item[1], item[0], around), enumerate(group.runs, 1)))


def one_tried(run: LinkRun, number: int, around: Surroundings) -> LinkResult:
    try:
        with LinkSetup(run, number, around) as setup:
            return Trial(setup).measure()
    except (AssertionError, OSError) as error:
        return LinkResult(run, problems=(f"could not be tried: {str(error).splitlines()[0][:300]}",))


def outcome_of(name: str, results: list[LinkResult]) -> Outcome:
    """Return the scenario's row: all links together; the slowest recovery."""
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
