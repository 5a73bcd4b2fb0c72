"""The ledger: per mapping and stream, the number of received records and their outcomes.

A message counts once for every output of every mapping that matches its topic. In a mapping with `each`, the message
counts once for every item and output.

    received = delivered + filtered + dead_lettered + dropped + spooled

The mapping stage `sample` stores a record until the end of its interval. Such a record counts as received only when
`sample` releases it.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import add, attrgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

COLUMNS = ("received", "delivered", "filtered", "dead_lettered", "dropped", "spooled")
"""The columns that are terms of the equation in this module's docstring."""
BREAKDOWN_COLUMNS = ("replayed", "deleted", "evicted", "expired", "damaged")
"""Columns with the later outcomes of dead letters, and with reasons of drops. They are not terms of the equation.

replayed   dead letters that were replayed: they are subtracted from `received` and `dead_lettered`, and then counted
           again like a new message
deleted    dead letters that a person deleted; they remain counted in `dead_lettered`
evicted    dead letters deleted to make room for newer ones; they remain counted in `dead_lettered`
expired    records older than spool.max_age_secs; also counted in `dropped`
damaged    records lost in a damaged database; also counted in `dropped`

The other records in `dropped` were dropped because the spool was full.
"""
STORED = COLUMNS + BREAKDOWN_COLUMNS
# Function that returns the counts of all columns of a line. It is faster than one `getattr` per column.
_stored = attrgetter(*STORED)
ACCOUNTING_EQUATION = "received = delivered + filtered + dead lettered + dropped + spooled"


@dataclass(slots=True)
class LedgerLine:
    """One line of the ledger, or the changes of a transaction to one line."""

    received: int = 0
    delivered: int = 0
    filtered: int = 0
    dead_lettered: int = 0
    dropped: int = 0
    spooled: int = 0
    replayed: int = 0
    deleted: int = 0
    evicted: int = 0
    expired: int = 0
    damaged: int = 0

    def add(self, other: LedgerLine) -> None:
        """Add the changes of a transaction."""
        # This method runs for every changed line of every transaction. For speed, the six columns of the equation are
        # added without a loop.
        for name in BREAKDOWN_COLUMNS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.received += other.received
        self.delivered += other.delivered
        self.filtered += other.filtered
        self.dead_lettered += other.dead_lettered
        self.dropped += other.dropped
        self.spooled += other.spooled

    def values(self) -> tuple[int, ...]:
        """Return the counts in the order of STORED."""
        counts: tuple[int, ...] = _stored(self)
        return counts


class LedgerRow(NamedTuple):
    """One line of the ledger, with the names of its mapping and stream.

    In the line for messages that no mapping matches, both names are "".
    """

    mapping: str
    stream: str
    received: int
    delivered: int
    filtered: int
    dead_lettered: int
    dropped: int
    spooled: int
    replayed: int = 0
    deleted: int = 0
    evicted: int = 0
    expired: int = 0
    damaged: int = 0

    @property
    def accounted(self) -> int:
        """Sum of the terms on the right side of the equation in this module's docstring."""
        return self.delivered + self.filtered + self.dead_lettered + self.dropped + self.spooled

    @property
    def balanced(self) -> bool:
        """True if the equation in this module's docstring is true for the row."""
        return self.received == self.accounted


def accounting_mismatch(row: LedgerRow) -> str:
    """Return the error text for a row that is not balanced."""
    name = f"{row.mapping} → {row.stream}" if row.mapping else "(no mapping)"
    return (
        f"ACCOUNTING MISMATCH on {name}: {row.received:,} received, {row.accounted:,} accounted for, "
        f"off by {row.received - row.accounted:+,}. "
        "This is a bug: report it with the output of 'mqtt-kinesis spool verify'"
    )


def accounting_lines(rows: Iterable[LedgerRow]) -> Iterator[str]:
    """Yield an error text for each row that is not balanced. If there is no such row, yield `accounting OK: …`."""
    wrong = [accounting_mismatch(row) for row in rows if not row.balanced]
    yield from wrong or [f"accounting OK: {ACCOUNTING_EQUATION}"]


def totals(rows: Collection[LedgerRow]) -> dict[str, int | bool]:
    """Return the sum of each column by its name. The key "balanced" is true if every row is balanced."""
    sums: dict[str, int | bool] = {name: sum(getattr(row, name) for row in rows) for name in COLUMNS}
    return {**sums, "balanced": all(row.balanced for row in rows)}


class Ledger(dict[tuple[int, int], LedgerLine]):
    """Ledger lines by (mapping number, stream number)."""

    def of(self, mapping: int, stream: int) -> LedgerLine:
        """Return the line of a mapping and stream. Create the line if it does not exist."""
        # Do not use `setdefault`: it would create a LedgerLine on each call.
        counts = self.get((mapping, stream))
        if counts is None:
            counts = self[mapping, stream] = LedgerLine()
        return counts

    def add(self, changes: Ledger) -> None:
        """Add the changes of a committed transaction."""
        for (mapping, stream), counts in changes.items():
            self.of(mapping, stream).add(counts)

    def rows_with(self, changes: Ledger) -> Iterator[tuple[int, ...]]:
        """Yield the rows to write for a transaction's changes: mapping, stream, new counts, number of lines.

        The number of lines in the ledger shows whether rows are missing in a damaged database. When a line is added,
        this number changes in every row. Then a small ledger is written completely. In a large ledger, a row gets the
        new number the next time its counts change.
        """
        new = len([ids for ids in changes if ids not in self])
        lines = len(self) + new
        for ids in {**self, **changes} if new and lines <= _REWRITTEN_LINES else changes:
            counts, more = self.get(ids, _NOTHING), changes.get(ids, _NOTHING)
            yield (*ids, *map(add, _stored(counts), _stored(more)), lines)


_NOTHING = LedgerLine()
# Maximum number of lines of a ledger that is written completely. About this many lines fit into one page of the
# database.
_REWRITTEN_LINES = 64
