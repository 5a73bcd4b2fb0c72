"""Run the same work with the bridge and with the other programs (peers) on the PATH.

Print the resources and the delivered messages of each, and write them to build/bench-peers.json. Arguments select the
peers whose names contain one of them; without arguments, all take part.
"""

import argparse
import os
from dataclasses import asdict
from datetime import UTC, datetime

from rich.console import Console

from tests.benchmarks.load import BUILD
from tests.benchmarks.peers import table
from tests.benchmarks.peers.catalogue import PEERS
from tests.benchmarks.peers.peer import Peer
from tests.benchmarks.peers.scenes import SCENES, Outcome, play
from tests.benchmarks.peers.stage import Load
from tests.docs import generated

QUICK = Load(backlog=10_000, rate=1_000, secs=9, away_secs=5, patience_secs=45)


def chosen(words: list[str]) -> list[Peer]:
    """Return the peers whose names contain one of the words. Raise SystemExit for a word without a peer."""
    for word in words:
        if not any(word.lower() in peer.name.lower() for peer in PEERS):
            raise SystemExit(f"there is no peer '{word}'; there are: {', '.join(peer.name for peer in PEERS)}")
    return [peer for peer in PEERS if not words or any(word.lower() in peer.name.lower() for word in words)]


def measured(peer: Peer, scenes: list[str], load: Load, progress: Console) -> table.Entry:
    """Measure a peer. If a peer is missing or cannot run a scene, report it and continue with the others."""
    outcomes: dict[str, Outcome] = {}
    if not peer.found():
        names = ", ".join(" ".join(program) for program in peer.programs)
        progress.print(f"{peer.name}: not on the PATH ({names})")
        scenes = []
    for scene in scenes:
        progress.print(f"{peer.name}: {scene}")
        try:
            outcomes[scene] = play(peer, scene, load)
        except (AssertionError, OSError) as error:
            progress.print(f"{peer.name}: {scene} could not be played: {error}")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return table.Entry(peer.version(), peer.note, now, asdict(load), os.getloadavg()[0], outcomes)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.peers", description=__doc__)
    parser.add_argument("words", nargs="*", help="parts of the peers' names")
    parser.add_argument("--scenes", nargs="*", choices=SCENES, default=list(SCENES))
    parser.add_argument("--quick", action="store_true", help="a fraction of the messages: to see that it runs")
    parser.add_argument("--docs", action="store_true", help="write the tables of docs/explanation/performance.md too")
    options = parser.parse_args()
    progress = Console(stderr=True, highlight=False)
    file = BUILD / "bench-peers.json"
    entries: dict[str, table.Entry] = {}
    for peer in chosen(options.words):
        entries[peer.name] = measured(peer, options.scenes, QUICK if options.quick else Load(), progress)
        if not options.quick:  # write each result at once, so that a later failure does not lose it
            table.write(file, ordered(table.written(file) | entries))
    print(table.markdown(entries))
    print("\n" + "\n".join(f"{name}: {entry.note}" for name, entry in entries.items()))
    if options.docs and not options.quick:
        text = table.markdown(table.written(file))
        table.PAGE.write_text(table.with_table(table.PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")
        generated.write()  # the README repeats a part of the table


def ordered(entries: dict[str, table.Entry]) -> dict[str, table.Entry]:
    """Return the peers in the order of the catalogue."""
    return {peer.name: entries[peer.name] for peer in PEERS if peer.name in entries}


if __name__ == "__main__":
    main()
