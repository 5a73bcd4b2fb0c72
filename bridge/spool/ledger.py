"""The ledger: per mapping and stream, the number of received records and their outcomes.

A message counts once for every output of every mapping that it matches, and with `each` once for every item.

    received = delivered + filtered + dead_lettered + dropped + spooled

A record that `sample` holds until the end of its interval counts as received only when `sample` releases it.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import add, attrgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

COLUMNS = ("received", "delivered", "filtered", "dead_lettered", "dropped", "spooled")
"""Columns of the equation above."""
BREAKDOWN_COLUMNS = ("replayed", "deleted", "evicted", "expired", "damaged")
"""Later outcomes of dead letters and reasons of drops; these columns are not terms of the equation.

`replayed`: the dead letter is subtracted from `received` and `dead_lettered`, and the result of the replay is counted
as new. `deleted` (by a person) and `evicted` (to make room for newer ones): the dead letter stays counted in
`dead_lettered`. `expired` and `damaged` are parts of `dropped`: records older than spool.max_age_secs, and records lost
by a damaged disk. The rest of `dropped` had no room.
"""
STORED = COLUMNS + BREAKDOWN_COLUMNS
# One call returns all columns, which is faster than one `getattr` per column.
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
        # The six columns of the equation are written out for speed, because this method runs for every line of every
        # transaction.
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
    """One line of the ledger, with names. Unmatched messages are counted under mapping "" and stream ""."""

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
        """Number of records that are accounted for."""
        return self.delivered + self.filtered + self.dead_lettered + self.dropped + self.spooled

    @property
    def balanced(self) -> bool:
        """True if every received record is accounted for."""
        return self.received == self.accounted


def accounting_mismatch(row: LedgerRow) -> str:
    """Return an error text with the numbers of a row that is not balanced."""
    name = f"{row.mapping} → {row.stream}" if row.mapping else "(no mapping)"
    return (
        f"ACCOUNTING MISMATCH on {name}: {row.received:,} received, {row.accounted:,} accounted for, "
        f"off by {row.received - row.accounted:+,}. "
        "This is a bug: report it with the output of 'mqtt-kinesis spool verify'"
    )


def accounting_lines(rows: Iterable[LedgerRow]) -> Iterator[str]:
    """Yield one line per row that is not balanced or, if all rows are balanced, one line that confirms it."""
    wrong = [accounting_mismatch(row) for row in rows if not row.balanced]
    yield from wrong or [f"accounting OK: {ACCOUNTING_EQUATION}"]


def totals(rows: Collection[LedgerRow]) -> dict[str, int | bool]:
    """Return the sum of each column, and with the name "balanced" whether every line is balanced."""
    sums: dict[str, int | bool] = {name: sum(getattr(row, name) for row in rows) for name in COLUMNS}
    return {**sums, "balanced": all(row.balanced for row in rows)}


class Ledger(dict[tuple[int, int], LedgerLine]):
    """Ledger lines by (mapping, stream), both as numbers of the spool."""

    def of(self, mapping: int, stream: int) -> LedgerLine:
        """Return the line of a mapping and stream, and create it if it is new."""
        # `get` and not `setdefault`, which would create a LedgerLine on each call.
        counts = self.get((mapping, stream))
        if counts is None:
            counts = self[mapping, stream] = LedgerLine()
        return counts

    def add(self, changes: Ledger) -> None:
        """Add the changes of a committed transaction."""
        for (mapping, stream), counts in changes.items():
            self.of(mapping, stream).add(counts)

    def rows_with(self, changes: Ledger) -> Iterator[tuple[int, ...]]:
        """Yield the rows to store for the changes of a transaction: mapping, stream, counts, number of lines.

        Each row contains the number of lines, so that a missing row is detected in a damaged database. A new line
        changes this number, so all rows of a small ledger are written again. In a large ledger, a row is updated when
        its counts next change.
        """
        new = len([place for place in changes if place not in self])
        lines = len(self) + new
        for place in {**self, **changes} if new and lines <= _REWRITTEN_LINES else changes:
            counts, more = self.get(place, _NOTHING), changes.get(place, _NOTHING)
            yield (*place, *map(add, _stored(counts), _stored(more)), lines)


_NOTHING = LedgerLine()
# A page of the database has room for about as many lines.
_REWRITTEN_LINES = 64
