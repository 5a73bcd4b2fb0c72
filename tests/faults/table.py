"""Table in docs/explanation/fault-suite.md, which only `make faults` writes."""

import re
from pathlib import Path

from tests.faults.scenario import Outcome

FAULT_PAGE = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "fault-suite.md"
PLACE = re.compile(r"(<!-- faults -->\n).*?(<!-- end -->)", re.DOTALL)
HEAD = (
    "| scenario | load held, messages/s | messages sent | lost | duplicates | time to recover |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: |\n"
)


def row(outcome: Outcome) -> str:
    recovery = "never" if outcome.recovery_secs is None else f"{outcome.recovery_secs:.1f} s"
    numbers = (f"{outcome.held:,.0f}", f"{outcome.sent:,}", f"{outcome.lost:,}", f"{outcome.duplicates:,}", recovery)
    return f"| {' | '.join((outcome.name, *numbers))} |"


def rows_of(text: str) -> dict[str, str]:
    """Return the rows of the table by the name of the scenario."""
    found = PLACE.search(text)
    assert found, "no position for the table: <!-- faults --> … <!-- end -->"
    lines = [line for line in found[0].splitlines() if line.startswith("| ")][2:]
    return {line.split(" | ")[0].removeprefix("| "): line for line in lines}


def with_rows(text: str, outcomes: list[Outcome], names: list[str]) -> str:
    """Return the table in the order of `names`: a new row for each outcome, and the old rows of other scenarios."""
    rows = rows_of(text) | {outcome.name: row(outcome) for outcome in outcomes}
    table = HEAD + "\n".join(rows[name] for name in names if name in rows)
    return PLACE.sub(lambda found: f"{found[1]}\n{table}\n\n{found[2]}", text)
