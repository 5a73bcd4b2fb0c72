"""Deletion of records by number, in one statement.

A separate statement for each record would be slow. At each step of a statement, sqlite3 releases Python's global lock
(GIL), and then waits until no other thread holds it. While four senders sent a backlog, deleting records one by one
took 40 % of the ingest thread's time.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable


def delete_records(database: sqlite3.Connection, queue: int, numbers: Iterable[int]) -> None:
    """Delete the records with these numbers from a queue's table, in the open transaction."""
    ordered = sorted(set(numbers))
    if not ordered:
        return
    first, last = ordered[0], ordered[-1]
    delete = f"delete from queue_{queue} where number"
    # If the numbers have no gaps, delete a range. Otherwise, delete a list. For example, the records of one shard
    # usually have gaps between their numbers.
    if last - first + 1 == len(ordered):
        database.execute(f"{delete} between ? and ?", (first, last))
    else:
        # Pass the list as a JSON text. This takes 0.5 µs per record. A parameter for each number would take 1.0 µs.
        database.execute(f"{delete} in (select value from json_each(?))", (json.dumps(ordered),))
