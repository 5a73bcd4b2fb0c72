"""Read-only access to a spool from a process that does not own it. The bridge that owns the spool may be running.

With a write-ahead log, a reader sees the last commit completely, even while another process writes:
https://www.sqlite.org/wal.html
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from bridge.errors import BridgeError, NoSuchDeadLetter
from bridge.spool.database.tables import (
    MAPPINGS,
    META,
    STATE,
    STREAMS,
    TABLES,
    DamagedRow,
    Table,
    checked_records,
)
from bridge.spool.dead_letters import StoredDeadLetter, measure_dead_letters, read_dead_letters
from bridge.spool.ledger import STORED, LedgerRow, accounting_mismatch
from bridge.spool.lock import is_in_use
from bridge.spool.queue.stream_queue import PAGE_RECORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bridge.model import DeadLetter, Record

# A page of dead letters ends at the first of the next two limits, so that a read transaction is short.
PAGE_DEAD_LETTERS: Final = 500
PAGE_BYTES: Final = 4 * 1024 * 1024
"""Total bytes of payloads at which a page of dead letters ends."""
CHECK_SECS: Final = 20.0
"""Maximum duration of a read transaction of `integrity_errors` while a bridge uses the spool.

The bridge cannot reset its write-ahead log during this time. If it writes 1 MB/s, the log grows by 20 MB.
"""
PROGRESS_STEPS: Final = 1_000
"""Number of instructions of SQLite's virtual machine between two checks of the time. They take about 0.1 ms."""
GIVEN_UP: Final = "session_given_up"
"""Key in `meta`. If it has a value, the broker session of this spool has no messages and no subscriptions."""


@dataclass(frozen=True, slots=True)
class LedgerCheck:
    """The lines of the ledger, and row counts to compare with them.

    `queued` is the number of records in each queue's table. `dead_letters` is the number of dead letters.
    """

    rows: tuple[LedgerRow, ...]
    queued: dict[str, int]
    dead_letters: int

    def faults(self) -> Iterator[str]:
        """Yield an error text for each line that does not balance, and then the texts of `count_errors`."""
        for row in self.rows:
            if not row.balanced:
                yield accounting_mismatch(row)
        yield from self.count_errors()

    def count_errors(self) -> Iterator[str]:
        """Yield an error text for each queue whose number of records differs from the ledger's `spooled`."""
        for stream, count in self.queued.items():
            counted = sum(row.spooled for row in self.rows if row.stream == stream)
            if counted != count:
                yield f"queue {stream}: the ledger counts {counted:,} buffered records, the queue has {count:,}"


def read_dead_letter(folder: Path, number: int) -> DeadLetter:
    """Return one dead letter of the spool in `folder`.

    Raises NoSuchDeadLetter if there is no dead letter with this number, BridgeError if there is no spool.
    """
    with reading(folder) as database:
        found = next(read_dead_letters(database, number=number), None)
        if found is None:
            # Count in the same read transaction, so that the count fits the result of the search.
            file, held = folder / "spool.db", measure_dead_letters(database)[0]
            raise NoSuchDeadLetter(f"no dead letter {number} in {file}; it contains {held}")
        return found.dead_letter


def all_dead_letters(folder: Path) -> Iterator[StoredDeadLetter]:
    """Yield every dead letter, lowest number first. Raises BridgeError if the spool cannot be read.

    Each page has a separate read transaction, as in `all_records`.
    """
    last = -1
    while True:
        page, size = [], 0
        with reading(folder) as database:
            try:
                for stored in read_dead_letters(database, after=last):
                    page.append(stored)
                    size += len(stored.dead_letter.payload)
                    if size >= PAGE_BYTES or len(page) >= PAGE_DEAD_LETTERS:
                        break
            except DamagedRow:
                # First yield the intact rows before the damaged row. The next page begins with the damaged row, which
                # then raises DamagedRow.
                if not page:
                    raise
        if not page:
            return
        last = page[-1].number
        yield from page


def find_dead_letters(
    folder: Path, wanted: Mapping[str, str], *, before: int | None = None, limit: int = 50
) -> Iterator[StoredDeadLetter]:
    """Yield at most `limit` dead letters that match `wanted` and have numbers below `before`, newest first.

    `wanted` may contain exact values for "code", "mapping" and "stream", and a substring for "topic". Raises
    BridgeError if the spool cannot be read.
    """
    with reading(folder) as database:
        for number in _matching(database, wanted, before, limit):
            yield from read_dead_letters(database, number=number)


def find_numbers(folder: Path, wanted: Mapping[str, str], limit: int) -> list[int]:
    """Return the numbers of the newest dead letters that match `wanted`, at most `limit` numbers.

    Raises BridgeError if the spool cannot be read.
    """
    with reading(folder) as database:
        return _matching(database, wanted, None, limit)


def count_matching(folder: Path, wanted: Mapping[str, str]) -> int:
    """Return the number of dead letters that match `wanted`. Raises BridgeError if the spool cannot be read."""
    with reading(folder) as database:
        count: int = database.execute(f"select count(*) from dead_letters {_clause(wanted)}", {**wanted}).fetchone()[0]
        return count


def _matching(database: sqlite3.Connection, wanted: Mapping[str, str], before: int | None, limit: int) -> list[int]:
    # Select only the numbers. Sorting rows with their payloads would copy up to 256 MiB.
    query = f"select number from dead_letters {_clause(wanted, before)} order by number desc limit :limit"
    return [number for (number,) in database.execute(query, {**wanted, "before": before, "limit": limit})]


def _clause(wanted: Mapping[str, str], before: int | None = None) -> str:
    """Return the WHERE clause for `wanted`, with parameters such as `:code` instead of the values."""
    tests = {
        "code": "code = :code",
        "mapping": "mapping = :mapping",
        "stream": "exists (select 1 from json_each(streams) where value = :stream)",
        "topic": "instr(topic, :topic) > 0",
    }
    where = [tests[name] for name in wanted] + (["number < :before"] if before is not None else [])
    return f"where {' and '.join(where)}" if where else ""


def count_by_code(folder: Path) -> dict[str, int]:
    """Return the number of dead letters per code, with the largest number first.

    Raises BridgeError if the spool cannot be read.
    """
    with reading(folder) as database:
        query = "select code, count(*) from dead_letters group by code order by 2 desc"
        return dict(database.execute(query).fetchall())


def all_records(folder: Path, stream: str) -> Iterator[tuple[str, Record]]:
    """Yield (name of the mapping, record) for each buffered record of the queue `stream`, in order. Raises BridgeError.

    Each page has a separate read transaction, because the bridge cannot reset its write-ahead log during a read
    transaction.
    """
    last = 0
    while True:
        with reading(folder) as database:
            names = dict(MAPPINGS.read(database))
            queues = {name: number for number, name, _ in STREAMS.read(database) if name}
            if stream not in queues:
                known = ", ".join(f"'{name}'" for name in queues)
                raise BridgeError(f"no queue '{stream}' in {folder}; it has {known or 'none'}")
            page = _records_after(database, queues[stream], last)
        if not page:
            return
        last = page[-1].number
        yield from ((names.get(record.mapping, ""), record) for record in page)


def _records_after(database: sqlite3.Connection, queue: int, last: int) -> list[Record]:
    """Return a page of a queue's records with numbers above `last`. Raises DamagedRow."""
    rows = database.execute(
        f"select number, mapping, key, data, hash from queue_{queue} where number > ? order by number limit ?",
        (last, PAGE_RECORDS),
    ).fetchall()
    return checked_records(queue, rows)


def read_states(folder: Path, mapping: str | None = None) -> Iterator[tuple[str, str, bytes]]:
    """Yield (mapping, key, value) for each value that mappings have stored, beginning with the value written last.

    Raises BridgeError.
    """
    with reading(folder) as database:
        where = "" if mapping is None else "where space = ?"
        rows = STATE.read(database, f"{where} order by written desc", () if mapping is None else (mapping,))
        yield from ((space, key, value) for space, key, value, _ in rows)


def session_given_up(folder: Path) -> bool:
    """Return whether the broker session of this spool has no messages and no subscriptions. Raises BridgeError."""
    with reading(folder) as database:
        return any(value for _, value in META.read(database, "where key = ?", (GIVEN_UP,)))


def has_records(folder: Path) -> bool:
    """Return whether at least one record is buffered. Raises BridgeError if there is no spool."""
    with reading(folder) as database:
        numbers = [number for number, name, _ in STREAMS.read(database) if name]
        # Read only one row. Counting all rows would read every page of a backlog, which may be gigabytes.
        return any(database.execute(f"select 1 from queue_{number} limit 1").fetchone() for number in numbers)


def check_ledger(folder: Path) -> LedgerCheck:
    """Return the ledger and the counts to compare with it, from one read transaction.

    Raises BridgeError if there is no spool.
    """
    with reading(folder) as database:
        queued = {
            name: database.execute(f"select count(*) from queue_{number}").fetchone()[0]
            for number, name, _ in list(STREAMS.read(database))
            if name
        }
        return LedgerCheck(_ledger(database), queued, measure_dead_letters(database)[0])


def read_ledger(folder: Path) -> tuple[tuple[LedgerRow, ...], int]:
    """Return the lines of the ledger and the number of dead letters. Raises BridgeError."""
    with reading(folder) as database:
        return _ledger(database), measure_dead_letters(database)[0]


def _ledger(database: sqlite3.Connection) -> tuple[LedgerRow, ...]:
    # Read without a check of the hashes, because `spool verify` reports damaged rows separately.
    mappings = dict(database.execute("select number, name from mappings").fetchall())
    streams = dict(database.execute("select number, name from streams").fetchall())
    lines = database.execute(f"select mapping, stream, {', '.join(STORED)} from ledger").fetchall()
    return tuple(sorted(LedgerRow(mappings[mapping], streams[stream], *counts) for mapping, stream, *counts in lines))


def integrity_errors(folder: Path) -> list[str]:
    """Return the errors that SQLite's integrity check finds, and the first damaged row of each table.

    This function reads the complete database. While a bridge uses the spool, every read transaction reads only one
    table, or a part of it, and ends after CHECK_SECS. Raises BridgeError.
    """
    with reading(folder) as database:
        names = [name for (name,) in database.execute("select name from sqlite_schema where type = 'table'")]
        queues = [number for number, name, _ in STREAMS.read(database) if name]
    # A long read transaction is only a problem for a running bridge. Otherwise, the check may take any time.
    end = CHECK_SECS if is_in_use(folder) else inf
    pragmas = [f"pragma integrity_check({name})" for name in names] if end < inf else ["pragma integrity_check"]
    found = [fault for pragma in pragmas for fault in _integrity_faults(folder, pragma, end)]
    found += [fault for table in TABLES for fault in _damage_in_table(folder, table, end)]
    return found + [fault for number in queues for fault in _damage_in_queue(folder, number)]


def _integrity_faults(folder: Path, pragma: str, max_secs: float) -> list[str]:
    with reading(folder, max_secs) as database:
        found = [str(row[0]) for row in database.execute(pragma)]
    return [] if found == ["ok"] else found


def _damage_in_table(folder: Path, table: Table, max_secs: float) -> list[str]:
    """Return an error text for the first damaged row of a table. Return [] if all rows are intact."""
    with reading(folder, max_secs) as database:
        try:
            for _ in table.read(database):
                pass
        except DamagedRow as error:
            return [str(error)]
    return []


def _damage_in_queue(folder: Path, queue: int) -> list[str]:
    """Return an error text for the first damaged row of a queue. Return [] if all rows are intact."""
    last = 0
    while True:
        with reading(folder) as database:
            try:
                page = _records_after(database, queue, last)
            except DamagedRow as error:
                return [str(error)]
        if not page:
            return []
        last = page[-1].number


@contextmanager
def reading(folder: Path, max_secs: float = inf) -> Iterator[sqlite3.Connection]:
    """Open the database read-only, and begin a read transaction. All queries of the block see the same commit.

    Raises BridgeError if the database cannot be read, or if the transaction takes longer than `max_secs`. A running
    bridge cannot reset its write-ahead log during the transaction.
    """
    file = folder / "spool.db"
    if not file.is_file():
        raise BridgeError(f"no spool in {folder} (spool.path): the bridge has not run here")
    try:
        # `mode=ro` never creates a file. `timeout` is the time in seconds to wait for a checkpoint of the bridge.
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=5.0)) as database:
            database.execute("begin")
            if max_secs < inf:
                end = time.monotonic() + max_secs
                # SQLite calls the handler between instructions. A true result ends the query with SQLITE_INTERRUPT.
                database.set_progress_handler(lambda: time.monotonic() > end, PROGRESS_STEPS)
            yield database
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            raise BridgeError(
                f"{file} is too large to be checked beside the running bridge (more than {max_secs:.0f} s for a "
                "table): stop the bridge first, or verify a copy of the folder"
            ) from error
        raise BridgeError(f"{file} cannot be read: {error}") from error
    # In a damaged database, the name of a mapping or stream may be missing. Then `_ledger` raises LookupError.
    except (sqlite3.Error, LookupError) as error:
        raise BridgeError(f"{file} cannot be read: {error}") from error
