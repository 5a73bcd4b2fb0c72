"""Commands `spool status` and `verify`: the ledger and the integrity of the spool; also while the bridge runs."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from bridge.cli.commands.spool_selection import select_spools
from bridge.cli.commands.status import books_in_words
from bridge.cli.output.formatting import pluralize
from bridge.config import load_local_settings
from bridge.monitoring.merge import books_of
from bridge.runtime.exit_codes import FAILED
from bridge.spool.read_only import LedgerCheck, damage, read_books
from bridge.terminal import BAD, BOOKS, GOOD, print_coloured

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def spool_status(config: Path, worker: int | None = None, *, as_json: bool) -> int:
    """Print the ledger of each worker's spool; return 0 if all are balanced, else 1. Raise ConfigError, BridgeError."""
    looked = [
        _look(folder) for folder in select_spools(load_local_settings(config, os.environ).spool.path, worker).values()
    ]
    if as_json:
        told = [each.value() for each in looked]
        print(orjson.dumps(told[0] if len(told) == 1 else told).decode())
    else:
        blocks = ["\n".join(each.in_words()) for each in looked]
        print_coloured("\n\n".join([*blocks, *_sum_in_words(looked)]), BOOKS)
    return 0 if all(each.balanced for each in looked) else FAILED


@dataclass(frozen=True, slots=True)
class _Looked:
    """State of one spool at one time."""

    folder: Path | str
    size: int
    books: LedgerCheck

    @property
    def balanced(self) -> bool:
        return not list(self.books.faults())

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [row._asdict() for row in self.books.rows]

    def value(self) -> dict[str, Any]:
        told = {"bytes": self.size, "dead_letters": self.books.letters, "queued": self.books.queued}
        return {"folder": str(self.folder), **told, "ledger": self.rows, "balanced": self.balanced}

    def in_words(self) -> Iterator[str]:
        yield f"spool     {self.folder}: {self.size / 2**20:,.1f} MiB, {pluralize(self.books.letters, 'dead letter')}"
        for stream, count in self.books.queued.items():
            yield f"stream    {stream}: {pluralize(count, 'record')} to be sent"
        yield from books_in_words(self.rows, balanced=self.balanced)


def _sum_in_words(looked: Sequence[_Looked]) -> Iterator[str]:
    """Yield the total of several spools; nothing for a single one."""
    if len(looked) > 1:
        queued = Counter[str]()
        for each in looked:
            queued.update(each.books.queued)
        rows = [row for each in looked for row in each.books.rows]
        books = LedgerCheck(books_of(rows), dict(queued), sum(each.books.letters for each in looked))
        summed = _Looked(f"all {len(looked)} together", sum(each.size for each in looked), books)
        yield "\n".join(summed.in_words())


def _look(folder: Path) -> _Looked:
    books = read_books(folder)
    return _Looked(folder, sum(file.stat().st_size for file in folder.glob("spool.db*")), books)


def verify_spool(config: Path, worker: int | None = None) -> int:
    """Verify each spool; return 0 if its database is intact and the ledger matches its content, else 1.

    Raise ConfigError, BridgeError.
    """
    wrong = False
    for folder in select_spools(load_local_settings(config, os.environ).spool.path, worker).values():
        found = [*damage(folder), *read_books(folder).faults()]
        for fault in found:
            print_coloured(f"{folder}: {fault}", {"^.*$": BAD})
        if not found:
            print_coloured(f"{folder}: whole, and the books balance with what is in it", {r"\bwhole\b": GOOD})
        wrong = wrong or bool(found)
    return FAILED if wrong else 0
