"""The books: per mapping and stream, how many records were received and what became of each.

A message counts once for every output of every mapping that it matches, and with `each` once for every item.

    received = delivered + filtered + dead_lettered + dropped + spooled

What `sample` holds back until its span has ended is counted when it goes on: until then it is not received.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection

COLUMNS = ("received", "delivered", "filtered", "dead_lettered", "dropped", "spooled")
"""What the books are made of."""
BREAKDOWN_COLUMNS = ("replayed", "deleted", "evicted", "expired", "damaged")
"""What became of dead letters later. A replayed one is taken out of `received` and `dead_lettered`, and what is made
of it is counted anew; one that a person deleted, or that gave way to newer ones for room, stays counted.
Of `dropped`, `expired` were past spool.max_age_secs and `damaged` lost by a damaged disk; the rest had no room."""
STORED = COLUMNS + BREAKDOWN_COLUMNS


@dataclass(slots=True)
class LedgerLine:
    """One line of the books, or what a transaction adds to one."""

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
        """Take in what a transaction added."""
        for name in BREAKDOWN_COLUMNS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.received += other.received
        self.delivered += other.delivered
        self.filtered += other.filtered
        self.dead_lettered += other.dead_lettered
        self.dropped += other.dropped
        self.spooled += other.spooled

    def values(self) -> tuple[int, ...]:
        """In the order of STORED."""
        return tuple([getattr(self, name) for name in STORED])


class LedgerRow(NamedTuple):
    """One line of the books by name. An unmatched message stands under mapping "" and stream ""."""

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
    def balanced(self) -> bool:
        """Whether every record received is accounted for."""
        accounted = self.delivered + self.filtered + self.dead_lettered + self.dropped + self.spooled
        return self.received == accounted


def totals(rows: Collection[LedgerRow]) -> dict[str, int | bool]:
    """The sum of each column, and whether every line balances."""
    sums: dict[str, int | bool] = {name: sum(getattr(row, name) for row in rows) for name in COLUMNS}
    return {**sums, "balanced": all(row.balanced for row in rows)}


class Ledger(dict[tuple[int, int], LedgerLine]):
    """By (mapping, stream), as numbers of the spool."""

    def of(self, mapping: int, stream: int) -> LedgerLine:
        """The line, begun if it is new."""
        counts = self.get((mapping, stream))
        if counts is None:
            counts = self[mapping, stream] = LedgerLine()
        return counts

    def add(self, changes: Ledger) -> None:
        """Take in a committed transaction's changes."""
        for (mapping, stream), counts in changes.items():
            self.of(mapping, stream).add(counts)


UPSERT = (
    f"insert into ledger(mapping, stream, {', '.join(STORED)}) values (?, ?{', ?' * len(STORED)}) "
    f"on conflict do update set {', '.join(f'{name} = {name} + excluded.{name}' for name in STORED)}"
)
"""Adds, and never overwrites: another process (a replay, a delete) may have written in between."""
