"""Tables of the results for the terminal and docs/explanation/performance.md, and all results as JSON."""

import json
import os
import platform
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.benchmarks.peers.scenes import SCENES, Outcome

PAGE = Path(__file__).resolve().parents[3] / "docs" / "explanation" / "performance.md"
PLACE = re.compile(r"(<!-- peers -->\n).*?(<!-- end -->)", re.DOTALL)
COST = (
    "",
    "version",
    "CPU from a backlog, µs a message",
    "CPU live, µs a message",
    "messages/s",
    "memory, MB",
    "records per 1,000 messages",
    "payload units per 1,000 messages",
    "load average",
)
COST_ALIGNMENT = "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
KEPT = ("lost / came twice", *SCENES)
KEPT_ALIGNMENT = "| --- | ---: | ---: | ---: | ---: | ---: |"
PER = 1_000


@dataclass(frozen=True)
class Entry:
    """Results of a peer: from this run, or from an earlier run if this run omitted the peer."""

    version: str
    note: str
    measured_at: str
    load: dict
    load_average: float
    """Description of the machine at the end."""
    outcomes: dict[str, Outcome]
    """Results by scene."""


def rows(entries: dict[str, Entry]) -> tuple[list, list]:
    """Return the cells of the tables of resources and of outcomes, one row per peer."""
    cost = [(name, entry.version, *cost_of(entry.outcomes), busy(entry)) for name, entry in entries.items()]
    kept = [
        (name, *(fate(entry.outcomes[scene]) if scene in entry.outcomes else "" for scene in SCENES))
        for name, entry in entries.items()
        if entry.outcomes
    ]
    return cost, kept


def cost_of(played: dict[str, Outcome]) -> tuple[str, ...]:
    """Return the cells with the resources of a peer. A cell is empty if its scene was not run.

    They are from the backlog. Another cell has the CPU of the live load, in which bursts are small.
    """
    full, live = played.get("backlog"), played.get("live")
    cpu = f"{live.cpu_us_per_message:,.1f}" if live and live.cpu_us_per_message else ""
    if full is None:
        return ("", cpu, "", "", "", "")
    each = (full.records * PER / full.sent, full.units * PER / full.sent)
    return (
        f"{full.cpu_us_per_message or 0:,.1f}",
        cpu,
        f"{full.messages_per_sec:,.0f}",
        f"{full.rss_mb:,.0f}",
        *(f"{number:,.0f}" if number >= 10 else f"{number:.1f}" for number in each),
    )


def busy(entry: Entry) -> str:
    """Return the number of other processes that were ready to run. Rates on a busy machine are lower."""
    return f"{entry.load_average:.0f}" if entry.outcomes else ""


def fate(outcome: Outcome) -> str:
    lost = f"**{outcome.lost:,}**" if outcome.lost else "0"
    return f"{lost} / {outcome.duplicates:,}"


def markdown(entries: dict[str, Entry]) -> str:
    cost, kept = rows(entries)
    found = [(COST, COST_ALIGNMENT, cost), (KEPT, KEPT_ALIGNMENT, kept)]
    return "\n\n".join("\n".join([line(head), alignment, *map(line, body)]) for head, alignment, body in found)


def line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def with_table(text: str, table: str) -> str:
    """Return the page with the tables. Raise AssertionError if the page has no position for them."""
    text, count = PLACE.subn(lambda found: f"{found[1]}\n{table}\n\n{found[2]}", text)
    assert count == 1, "no position for the tables: <!-- peers --> … <!-- end -->"
    return text


def written(file: Path) -> dict[str, Entry]:
    """Return the results of earlier runs by peer."""
    if not file.exists():
        return {}
    peers = json.loads(file.read_text(encoding="utf-8"))["peers"]
    return {name: _entry(**known) for name, known in peers.items()}


def _entry(*, outcomes: dict[str, dict], **known) -> Entry:
    return Entry(**known, outcomes={scene: Outcome(**measured) for scene, measured in outcomes.items()})


def write(file: Path, entries: dict[str, Entry]) -> None:
    machine = {"cpus": os.cpu_count(), "python": platform.python_version()}
    found = machine | {"peers": {name: asdict(entry) for name, entry in entries.items()}}
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
