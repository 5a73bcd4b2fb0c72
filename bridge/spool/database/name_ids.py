"""The numbers that stand for names of mappings and streams, in the books and in every record: given once, and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


def numbers(database: sqlite3.Connection, table: str, names: list[str]) -> dict[str, int]:
    """Of each name in a table, "mappings" or "streams".

    New ones are given theirs in one transaction: by themselves, 2,000 would be as many fsyncs.
    """
    columns, marks = ("name, next", "?, 1") if table == "streams" else ("name", "?")
    database.execute("begin immediate")
    database.executemany(f"insert or ignore into {table}({columns}) values ({marks})", [(name,) for name in names])
    rows = [database.execute(f"select name, number from {table} where name = ?", (name,)).fetchone() for name in names]
    database.execute("commit")
    return dict(rows)
