"""Scenario of a thousand damaged spools, for the table of `make faults`."""

import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.corruption.specimen import killed_spool
from tests.faults.corruption.trial import try_damage
from tests.faults.scenario import Outcome
from tests.faults.scenario_setup import Setup

TRIALS = 1_000
FIRST_SEED = 1_000


@dataclass(frozen=True)
class Corruption:
    """Scenario of many spools. Each spool is damaged in one way after a SIGKILL. `recovery` is the slowest start.

    In the table, a record is lost if it is neither delivered nor declared as lost.
    """

    name: str
    trials: int = TRIALS
    needs_root: bool = False
    setup: Setup = field(default_factory=Setup)

    def play(self, folder: Path) -> Outcome:
        """Run the scenario, print the sums, and return its row of the table."""
        specimens = [
            killed_spool(folder / "log", 1, bursts=40, in_log=True),
            killed_spool(folder / "database", 2, bursts=40, in_log=False),
        ]
        began, verdicts, sent = time.monotonic(), [], 0
        for seed in range(FIRST_SEED, FIRST_SEED + self.trials):
            specimen = specimens[seed % len(specimens)]
            verdicts.append(try_damage(specimen, folder / "hurt", seed))
            shutil.rmtree(folder / "hurt")
            sent += len(specimen.waiting) + len(specimen.dead_letters)
        silent = sum(max(0, each.lost - each.declared) for each in verdicts if not each.unknown)
        print(
            f"\n{self.name}: {sum(each.lost > 0 for each in verdicts)} of {self.trials} lost something, "
            f"{sum(each.lost for each in verdicts):,} of {sent:,} records and dead letters; "
            f"in {sum(each.unknown for each in verdicts)} the number was declared unknown",
            flush=True,
        )
        problems = tuple(f"{each.what}: {problem}" for each in verdicts for problem in each.problems)
        return Outcome(
            self.name,
            sent / (time.monotonic() - began),
            sent,
            silent,
            sum(each.duplicates for each in verdicts),
            max(each.start_secs for each in verdicts),
            problems,
        )


SCENARIOS = (Corruption("corruption: a thousand damaged spools, one after another"),)
