"""Measure the bridge, print a table of all figures with their targets, and write it to build/bench.json.

Arguments select the sections whose names contain one of them; without arguments, all sections are measured. By default
a section uses QoS 1, JSON of 200 bytes on 200 topics, a transform of seven fields, a spool with fsync, full accounting,
and mosquitto.
"""

import argparse
from collections.abc import Callable

from rich.console import Console

from tests.benchmarks import (
    backlog,
    configuration,
    expressions,
    footprint,
    latency,
    mapping_cost,
    packing,
    pipeline,
    scoreboard,
    wide_area,
    workers,
)
from tests.benchmarks.load import BUILD
from tests.benchmarks.machine_speed import yardstick

SECTIONS: dict[str, Callable] = {
    "pipeline": pipeline.measure,
    "latency": latency.measure,
    "wide area": wide_area.measure,
    "backlog": backlog.measure,
    "footprint": footprint.measure,
    "configuration": configuration.measure,
    "packing": packing.measure,
    "workers": workers.measure,
    "mapping": mapping_cost.measure,
    "expressions": expressions.measure,
}
"""Function of each section.

It gets `quick` (use fewer messages) and `note` (a function that shows what is measured next). It returns a dataclass
with a method `figures()`.
"""

TABLE_COLUMNS = 112
"""Width of the table if no terminal reports its own width."""


def chosen(words: list[str]) -> list[str]:
    """Return the sections whose names contain one of the words. Raise SystemExit for a word without a section."""
    for word in words:
        if not any(word in name for name in SECTIONS):
            raise SystemExit(f"there is no section '{word}'; there are: {', '.join(SECTIONS)}")
    return [name for name in SECTIONS if not words or any(word in name for word in words)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("words", nargs="*", help=f"some of: {', '.join(SECTIONS)}")
    parser.add_argument("--quick", action="store_true", help="a tenth of the messages: to see that it runs")
    options = parser.parse_args()
    progress = Console(stderr=True, highlight=False)
    sections = []
    for name in chosen(options.words):
        before = yardstick()
        measured = SECTIONS[name](quick=options.quick, note=lambda text, name=name: progress.print(f"{name}: {text}"))
        sections.append(scoreboard.Section(name, measured.figures(), measured, (before, yardstick())))
        if not options.quick:  # write each result at once, so that a later failure does not lose it
            scoreboard.write(BUILD / "bench.json", sections)
    terminal = Console()
    terminal.width = max(terminal.width, TABLE_COLUMNS)
    terminal.print(scoreboard.table(sections))


if __name__ == "__main__":
    main()
