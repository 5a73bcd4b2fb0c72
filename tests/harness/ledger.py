"""Reader of the ledger. It reads the database of the spool with SQLite, without code of the bridge."""

import contextlib
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

COUNTS = ("received", "delivered", "filtered", "dead_lettered", "dropped", "spooled")


@dataclass(frozen=True)
class LedgerState:
    """Lines of the ledger by (mapping, stream), number of records in the queues, and number of dead letters."""

    lines: dict[tuple[str, str], dict[str, int]]
    in_queues: int
    dead_letters: int

    def total(self, count: str) -> int:
        return sum(line[count] for line in self.lines.values())

    def check(self) -> None:
        """Raise AssertionError unless each line balances and `spooled` equals the number of records in the queues."""
        for line in self.lines.values():
            assert line["received"] == sum(line[count] for count in COUNTS[1:]), self
        assert self.total("spooled") == self.in_queues, self


def summed(ledger: Iterable[LedgerState]) -> LedgerState:
    """Return the sum of the ledgers of several spools."""
    lines: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    in_queues = dead_letters = 0
    for each in ledger:
        in_queues, dead_letters = in_queues + each.in_queues, dead_letters + each.dead_letters
        for place, line in each.lines.items():
            lines[place].update(line)
    return LedgerState(
        {place: {count: line[count] for count in COUNTS} for place, line in lines.items()}, in_queues, dead_letters
    )


def read_ledger(spool: Path) -> LedgerState:
    """Return the ledger of the spool in a folder (`spool.path`). A bridge may use the spool at the same time."""
    with contextlib.closing(sqlite3.connect(f"file:{spool / 'spool.db'}?mode=ro", uri=True)) as database:
        database.execute("begin")  # one transaction, so that all counts are of the same time
        mappings, streams = (dict(database.execute(f"select number, name from {t}")) for t in ("mappings", "streams"))
        lines = {
            (mappings.get(mapping, ""), streams.get(stream, "")): dict(zip(COUNTS, counts, strict=True))
            for mapping, stream, *counts in database.execute(f"select mapping, stream, {', '.join(COUNTS)} from ledger")
        }
        queues = database.execute("select name from sqlite_master where type = 'table' and name glob 'queue_*'")
        in_queues = sum(_count(database, name) for (name,) in queues.fetchall())
        return LedgerState(lines, in_queues, _count(database, "dead_letters"))


def _count(database, table):
    return database.execute(f"select count(*) from {table}").fetchone()[0]
