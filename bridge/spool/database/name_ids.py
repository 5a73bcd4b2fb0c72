"""Assignment of numbers to the names of mappings and streams. The ledger and the records contain these numbers.

A number always stays assigned to the same name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from bridge.spool.database.tables import Table


def assign_numbers(
    database: sqlite3.Connection, table: Table, known: dict[str, int], new: Iterable[str]
) -> dict[str, int]:
    """Assign numbers to the `new` names, store them in `table` (MAPPINGS or STREAMS), and return them by name.

    Each new number is higher than all `known` numbers. One transaction stores all names, because a transaction per name
    would need an fsync per name. Raises sqlite3.Error.
    """
    # `known` includes the numbers of removed mappings, because old records and ledger lines still contain them.
    first = max(known.values(), default=0) + 1
    made = {name: number for number, name in enumerate(dict.fromkeys(new), first)}
    # The column `next` of a new stream is 1, the number of its first record.
    rest = (1,) if "next" in table.columns else ()
    database.execute("begin immediate")
    table.write(database, [(number, name, *rest) for name, number in made.items()])
    database.execute("commit")
    return made
