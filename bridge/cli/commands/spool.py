"""Commands `spool status` and `spool verify`: show the ledger, and verify the spool, even while the bridge runs."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.cli.commands.spool_selection import select_spools
from bridge.cli.commands.status import ledger_lines
from bridge.cli.output.formatting import pluralize
from bridge.cli.output.json_document import print_document
from bridge.config import load_local_settings
from bridge.monitoring.merge import merge_ledgers
from bridge.runtime.exit_codes import FAILED
from bridge.spool.read_only import LedgerCheck, check_ledger, integrity_errors
from bridge.terminal import BAD, GOOD, LEDGER_COLOURS, print_coloured

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def spool_status(config: Path, worker: int | None = None, *, as_json: bool) -> int:
    """Print the ledger of each spool. Return 0 if all ledgers are balanced, otherwise 1.

    Raise ConfigError, or BridgeError if a spool cannot be read.
    """
    states = [
        _read_state(folder)
        for folder in select_spools(load_local_settings(config, os.environ).spool.path, worker).values()
    ]
    if as_json:
        print_document(spools=[each.value() for each in states])
    else:
        blocks = ["\n".join(each.lines()) for each in states]
        print_coloured("\n\n".join([*blocks, *_sum_lines(states)]), LEDGER_COLOURS)
    return 0 if all(each.balanced for each in states) else FAILED


@dataclass(frozen=True, slots=True)
class _SpoolState:
    """State of one spool at one time."""

    folder: Path | str
    size: int
    ledger: LedgerCheck

    @property
    def balanced(self) -> bool:
        return not list(self.ledger.faults())

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [row._asdict() for row in self.ledger.rows]

    def value(self) -> dict[str, Any]:
        value = {"bytes": self.size, "dead_letters": self.ledger.dead_letters, "queued": self.ledger.queued}
        return {"folder": str(self.folder), **value, "ledger": self.rows, "balanced": self.balanced}

    def lines(self) -> Iterator[str]:
        dead_letters = pluralize(self.ledger.dead_letters, "dead letter")
        yield f"spool     {self.folder}: {self.size / 2**20:,.1f} MiB, {dead_letters}"
        for stream, count in self.ledger.queued.items():
            yield f"stream    {stream}: {pluralize(count, 'record')} buffered"
        yield from ledger_lines(self.rows)
        yield from self.ledger.count_errors()


def _sum_lines(states: Sequence[_SpoolState]) -> Iterator[str]:
    """Yield one text with the sums of all spools. If there is only one spool, yield nothing."""
    if len(states) > 1:
        queued = Counter[str]()
        for each in states:
            queued.update(each.ledger.queued)
        rows = [row for each in states for row in each.ledger.rows]
        ledger = LedgerCheck(merge_ledgers(rows), dict(queued), sum(each.ledger.dead_letters for each in states))
        summed = _SpoolState(f"all {len(states)} spools", sum(each.size for each in states), ledger)
        yield "\n".join(summed.lines())


def _read_state(folder: Path) -> _SpoolState:
    # Add the sizes of the files spool.db-wal and spool.db-shm, which belong to the SQLite database.
    ledger = check_ledger(folder)
    return _SpoolState(folder, sum(file.stat().st_size for file in folder.glob("spool.db*")), ledger)


def verify_spool(config: Path, worker: int | None = None) -> int:
    """Verify each spool, and print the result.

    Return 0 if every database is intact and every ledger matches the contents of its spool, otherwise 1. Raise
    ConfigError, BridgeError.
    """
    wrong = False
    for folder in select_spools(load_local_settings(config, os.environ).spool.path, worker).values():
        found = [*integrity_errors(folder), *check_ledger(folder).faults()]
        for fault in found:
            print_coloured(f"ERROR     {folder}: {fault}", {"^ERROR": BAD})
        if not found:
            print_coloured(f"OK        {folder}: database intact, counters match contents", {"^OK": GOOD})
        wrong = wrong or bool(found)
    return FAILED if wrong else 0
