"""Run the same work through the bridge and through what others would use, as far as it is on the PATH; print what
each needs and what became of the messages, and write it to build/bench-peers.json.

Words choose peers by a part of their names; without one, all take part.
"""

import argparse
from dataclasses import asdict
from datetime import UTC, datetime

from rich.console import Console

from tests.benchmarks.load import BUILD
from tests.benchmarks.peers import table
from tests.benchmarks.peers.peer import PEERS, Peer
from tests.benchmarks.peers.scenes import SCENES, Load, Outcome, play
from tests.readme import README

QUICK = Load(backlog=10_000, rate=1_000, secs=9, away_secs=5, patience_secs=45)


def chosen(words: list[str]) -> list[Peer]:
    """The peers whose names hold one of the words; SystemExit for a word that is in none."""
    for word in words:
        if not any(word.lower() in peer.name.lower() for peer in PEERS):
            raise SystemExit(f"there is no peer '{word}'; there are: {', '.join(peer.name for peer in PEERS)}")
    return [peer for peer in PEERS if not words or any(word.lower() in peer.name.lower() for word in words)]


def played(peer: Peer, scenes: list[str], load: Load, progress: Console) -> list[Outcome]:
    """A peer that cannot be run says so, and takes nothing from the others."""
    outcomes = []
    for scene in scenes:
        progress.print(f"{peer.name}: {scene}")
        try:
            outcomes.append(play(peer, scene, load))
        except (AssertionError, OSError) as error:
            progress.print(f"{peer.name}: {scene} could not be played: {error}")
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.peers", description=__doc__)
    parser.add_argument("words", nargs="*", help="parts of the peers' names")
    parser.add_argument("--scenes", nargs="*", choices=SCENES, default=list(SCENES))
    parser.add_argument("--quick", action="store_true", help="a fraction of the messages: to see that it runs")
    parser.add_argument("--readme", action="store_true", help="write the README's tables too")
    options = parser.parse_args()
    load = QUICK if options.quick else Load()
    progress = Console(stderr=True, highlight=False)
    peers = chosen(options.words)
    versions = {peer.name: peer.version() for peer in peers}
    outcomes: list[Outcome] = []
    for peer in peers:
        if peer.found():
            outcomes += played(peer, options.scenes, load, progress)
        else:
            programs = ", ".join(" ".join(program) for program in peer.programs)
            progress.print(f"{peer.name}: not on the PATH ({programs})")
        now = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds")}  # kept as soon as it is known
        table.write(BUILD / "bench-peers.json", now | table.document(peers, versions, outcomes, asdict(load)))
    text = table.markdown(peers, versions, outcomes)
    print(text)
    print("\n" + "\n".join(f"{peer.name}: {peer.note}" for peer in peers))
    if options.readme:
        README.write_text(table.with_table(README.read_text(encoding="utf-8"), text), encoding="utf-8")


if __name__ == "__main__":
    main()
