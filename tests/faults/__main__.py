"""Command `make faults`: run every scenario, or those whose names contain the given words, and write their table."""

import argparse
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from tests.docs import generated
from tests.faults.limit_scenarios import LARGE_OUTAGE
from tests.faults.registry import SCENARIOS
from tests.faults.scenario import Outcome, Playable
from tests.faults.table import FAULT_PAGE, row, with_rows


def main() -> int:
    """Return 1 if a message was lost or out of order, or if a ledger was not balanced.

    If `CI` is set, also return 1 without root.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("words", nargs="*", help="play the scenarios whose name holds one of these")
    parser.add_argument("--backlog", type=int, help="how many messages the long outage brings, instead of a million")
    parser.add_argument("--list", action="store_true", help="print the names only")
    options = parser.parse_args()
    chosen = [each for each in SCENARIOS if not options.words or any(word in each.name for word in options.words)]
    if options.list:
        print("\n".join(each.name for each in chosen))
        return 0
    playable = [each for each in chosen if not each.needs_root or os.geteuid() == 0]
    for each in chosen:
        if each not in playable:
            print(f"not played, as it needs root: {each.name}", file=sys.stderr)
    outcomes = [played(resized(each, options.backlog)) for each in playable]
    failed = [outcome for outcome in outcomes if outcome.problems]
    print(f"{len(outcomes)} scenarios played, {len(failed)} failed, {len(chosen) - len(playable)} not played")
    return 1 if failed or (os.environ.get("CI") and len(playable) < len(chosen)) else 0


def resized(scenario: Playable, backlog: int | None) -> Playable:
    if backlog is None or scenario.setup.backlog != LARGE_OUTAGE:
        return scenario
    return replace(scenario, setup=replace(scenario.setup, backlog=backlog))


def played(scenario: Playable) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        try:
            outcome = scenario.play(Path(folder))
        except (AssertionError, OSError) as error:
            outcome = Outcome(scenario.name, 0.0, 0, 0, 0, None, (f"could not be played: {error}",))
        print(row(outcome), flush=True)
        # Written after each scenario, so that an interrupted run keeps its results.
        text = FAULT_PAGE.read_text(encoding="utf-8")
        FAULT_PAGE.write_text(with_rows(text, [outcome], [each.name for each in SCENARIOS]), encoding="utf-8")
        generated.write()  # the README repeats the sums of the table
        for problem in outcome.problems:
            print(f"    {problem}", file=sys.stderr, flush=True)
        return outcome


if __name__ == "__main__":
    sys.exit(main())
