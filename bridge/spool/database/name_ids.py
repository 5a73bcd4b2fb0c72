"""Numbers that stand for the names of mappings and streams in the ledger and in records.

A number is never reassigned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


def numbers(database: sqlite3.Connection, table: str, names: list[str]) -> dict[str, int]:
    """Return the number of each name in a table ("mappings" or "streams").

    New names get their numbers in one transaction: separate transactions for 2,000 names would cost 2,000 fsyncs.
    """
    columns, marks = ("name, next", "?, 1") if table == "streams" else ("name", "?")
    database.execute("begin immediate")
    database.executemany(f"insert or ignore into {table}({columns}) values ({marks})", [(name,) for name in names])
    rows = [database.execute(f"select name, number from {table} where name = ?", (name,)).fetchone() for name in names]
    database.execute("commit")
    return dict(rows)
