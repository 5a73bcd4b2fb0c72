"""What was measured, as tables: for the terminal, for the README, and whole as JSON."""

import json
import os
import platform
import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks.peers.peer import NOT_FOUND, Peer
from tests.benchmarks.peers.scenes import SCENES, Outcome

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
)
COST_ALIGNMENT = "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
KEPT = ("lost / came twice", *SCENES)
KEPT_ALIGNMENT = "| --- | ---: | ---: | ---: | ---: | ---: |"
PER = 1_000


def rows(peers: Iterable[Peer], versions: dict[str, str], outcomes: list[Outcome]) -> tuple[list, list]:
    """Of what each needs, and of what became of the messages: cells by peer."""
    cost, kept = [], []
    for peer in peers:
        played = {outcome.scene: outcome for outcome in outcomes if outcome.peer == peer.name}
        version = versions.get(peer.name, NOT_FOUND)
        cost.append((peer.name, version, *cost_of(played)))
        if played:
            kept.append((peer.name, *(fate(played[scene]) if scene in played else "" for scene in SCENES)))
    return cost, kept


def cost_of(played: dict[str, Outcome]) -> tuple[str, ...]:
    """From the backlog; of the live load the CPU too, where bursts are small. Empty where it was not played."""
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


def fate(outcome: Outcome) -> str:
    lost = f"**{outcome.lost:,}**" if outcome.lost else "0"
    return f"{lost} / {outcome.duplicates:,}"


def markdown(peers: list[Peer], versions: dict[str, str], outcomes: list[Outcome]) -> str:
    cost, kept = rows(peers, versions, outcomes)
    found = [(COST, COST_ALIGNMENT, cost), (KEPT, KEPT_ALIGNMENT, kept)]
    return "\n\n".join("\n".join([line(head), alignment, *map(line, body)]) for head, alignment, body in found)


def line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def with_table(text: str, table: str) -> str:
    """The README with it. AssertionError where it has no place for it."""
    text, count = PLACE.subn(lambda found: f"{found[1]}\n{table}\n\n{found[2]}", text)
    assert count == 1, "the README has no place for the peers: <!-- peers --> … <!-- end -->"
    return text


def document(peers: Iterable[Peer], versions: dict[str, str], outcomes: list[Outcome], load: dict) -> dict:
    machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "load_average": os.getloadavg()[0]}
    notes = {peer.name: {"version": versions.get(peer.name, NOT_FOUND), "note": peer.note} for peer in peers}
    return machine | {"load": load, "peers": notes, "outcomes": [asdict(outcome) for outcome in outcomes]}


def write(file: Path, found: dict) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
