"""Verification of the database when the bridge starts: its structure, the hash of each row, and the ledger's counts.

The verification stops after VERIFY_SECS, even if it is incomplete. This is safe, because each record is verified again
when it is read.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from typing import TYPE_CHECKING

from bridge.spool.database.tables import DEAD_LETTERS, DamagedRow, is_intact_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.spool.ledger import Ledger
    from bridge.spool.queue.stream_queue import StreamQueue

log = logging.getLogger(__name__)

VERIFY_SECS = 1.0
"""Maximum duration of the verification, which delays the start of the bridge.

In one second, a machine of 2020 verifies about 300,000 records of 200 bytes.
"""
# Number of instructions of SQLite's virtual machine between two checks of the time.
_INSTRUCTIONS = 20_000


def verify(
    database: sqlite3.Connection,
    ledger: Ledger,
    queues: Iterable[StreamQueue],
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Raise sqlite3.DatabaseError for damage that is found within VERIFY_SECS."""
    deadline = clock() + VERIFY_SECS
    database.set_progress_handler(lambda: clock() > deadline, _INSTRUCTIONS)
    try:
        # Check the ledger first, because this is fast. The ledger shows lost rows, which a hash cannot detect.
        _verify_ledger(ledger)
        _verify_structure(database)
        for queue in queues:
            _verify_records(database, ledger, queue.number)
        for _ in DEAD_LETTERS.read(database):
            pass
    except sqlite3.OperationalError as error:
        # SQLITE_INTERRUPT means that the time is over, which is no error.
        if error.sqlite_errorname != "SQLITE_INTERRUPT":
            raise
        log.info("verified a part of the spool in %.0f s; all other records are verified when read", VERIFY_SECS)
    finally:
        # Remove the handler. Otherwise, it would interrupt the commits on this connection too.
        database.set_progress_handler(None, 0)


def _verify_ledger(ledger: Ledger) -> None:
    for ids, line in ledger.items():
        if line.received != line.delivered + line.filtered + line.dead_lettered + line.dropped + line.spooled:
            raise DamagedRow(f"the ledger's line {ids} does not balance")


def _verify_structure(database: sqlite3.Connection) -> None:
    found = database.execute("pragma quick_check(1)").fetchone()[0]
    if found != "ok":
        raise DamagedRow(f"{found}")


def _verify_records(database: sqlite3.Connection, ledger: Ledger, queue: int) -> None:
    """Compare each record with its hash, and the number of records with the ledger."""
    count = 0
    for row in database.execute(f"select number, mapping, key, data, hash from queue_{queue}"):
        if not is_intact_record(queue, row):
            raise DamagedRow(f"record {row[0]} in table queue_{queue} is damaged")
        count += 1
    # No thread commits during the verification, so the two numbers must be equal.
    spooled = sum(line.spooled for (_, stream), line in ledger.items() if stream == queue)
    if count != spooled:
        raise DamagedRow(f"table queue_{queue} has {count} records, the ledger counts {spooled}")
