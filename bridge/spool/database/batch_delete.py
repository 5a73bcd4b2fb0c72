"""Deletion of records by number, in one statement.

A separate statement for each record would be slow: sqlite3 releases Python's global lock (GIL) at each step of a
statement, and then waits until no other thread uses it. While four senders sent a backlog, deleting records one by one
took 40 % of the writing thread's time. A range of numbers is often not enough either, because the records of one shard
or one request usually have gaps between their numbers.
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
    # Usually a batch has no gaps, because records are sent and settled in order.
    if last - first + 1 == len(ordered):
        database.execute(f"{delete} between ? and ?", (first, last))
    else:
        # Time per deleted record: 0.5 µs with a JSON text, 1.0 µs with a list of parameters, 0.3 µs with a range.
        database.execute(f"{delete} in (select value from json_each(?))", (json.dumps(ordered),))
