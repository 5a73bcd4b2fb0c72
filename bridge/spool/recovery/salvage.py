"""Salvage: copy the readable records of a damaged spool into the new one, and count the lost ones.

The damaged files stay where they were moved, and only a copy of them is read, so salvage cannot lose anything. Records
are read range by range. A range that cannot be read is halved until only the unreadable numbers are missing. Rows are
also read directly from the leaf pages, which damage to a page above them does not affect.

    records        appended to their queues in order, with new numbers and their old keys
    dead letters   unchanged
    ledger         unchanged, except that lost records of `spooled` are counted as `dropped` and `damaged`
    stored states, QoS 2 identifiers, subscribed filters    as far as they can be read

The work is done in small transactions that store its progress, so that it resumes after a crash.
https://www.sqlite.org/howtocorrupt.html
"""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.durations import pluralize
from bridge.errors import SpoolWriteError
from bridge.model import MAX_PARTITION_KEY_CHARS
from bridge.spool.database.transaction import Transaction
from bridge.spool.dead_letters import dead_letter_of, dead_letter_query
from bridge.spool.ledger import COLUMNS, STORED, LedgerLine
from bridge.spool.queue.ranges import runs
from bridge.spool.recovery.leaf_pages import LeafPages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bridge.model import DeadLetter
    from bridge.spool.store import Spool

log = logging.getLogger(__name__)

RANGE = 2_000
"""Numbers read at once."""
# Bound for damaged tables, whose largest number may be garbage.
_MOST_RANGES = 1_000_000
# Largest MQTT packet identifier.
MAX_PACKET = 65_535
MAX_KEY = MAX_PARTITION_KEY_CHARS


@dataclass(slots=True)
class SalvageResult:
    """Counts of salvaged and lost records.

    `lost` is None if the ledger cannot be read, so that the number is unknown.
    """

    records: int = 0
    dead_letters: int = 0
    lost: int | None = None

    def __str__(self) -> str:
        known = "the number of lost records is unknown" if self.lost is None else f"{self.lost:,} were lost"
        records, dead_letters = pluralize(self.records, "record"), pluralize(self.dead_letters, "dead letter")
        return f"{records} and {dead_letters} salvaged; of the records {known}"


def salvage(spool: Spool, aside: Path) -> SalvageResult:
    """Copy everything readable from the damaged spool in `aside` into `spool`, and return the counts.

    Raises SpoolWriteError if the files cannot be copied, and the errors of the new spool. Damage raises nothing.
    """
    salvaged = SalvageResult()
    key = f"salvage {aside.name}"
    with _copied(aside) as copy:
        try:
            with closing(sqlite3.connect(copy / "spool.db", timeout=5.0)) as database:
                with suppress(sqlite3.DatabaseError):
                    database.execute("pragma wal_checkpoint(truncate)").fetchall()
                with closing(LeafPages(copy / "spool.db")) as leaves:
                    _Salvage(spool, database, leaves, key, salvaged).run()
        except sqlite3.DatabaseError as error:
            log.error("no further records can be read from %s: %s", aside, error)
    spool.commit(Transaction(meta={key: json.dumps({"done": True})}))
    log.warning("of the damaged spool in %s, %s", aside, salvaged)
    return salvaged


def _are(values: Sequence[object], types: Sequence[type]) -> bool:
    """Return whether the values have exactly these types. Damaged bytes may read as a value of another type."""
    return all(type(value) is kind for value, kind in zip(values, types, strict=True))


def _dead_letter(row: tuple[Any, ...]) -> DeadLetter | None:
    """Return the dead letter of a row, or None if the row is damaged."""
    try:
        dead_letter = dead_letter_of(row)
    except (ValueError, TypeError, KeyError):
        return None
    texts = (dead_letter.kind, dead_letter.mapping, dead_letter.code, dead_letter.detail, dead_letter.topic)
    numbers = (dead_letter.total_bytes, dead_letter.qos, dead_letter.received_at_ms)
    good = _are((*texts, *numbers, dead_letter.payload), (*(str,) * len(texts), *(int,) * len(numbers), bytes))
    streams = all(type(stream) is str for stream in dead_letter.streams)
    return dead_letter if good and streams and isinstance(dead_letter.properties, dict) else None


@contextmanager
def _copied(aside: Path) -> Iterator[Path]:
    """Copy the files, yield the folder of the copy, and delete it afterwards. Raises SpoolWriteError.

    SQLite repairs, truncates and removes files when it opens them, even for reading, so it opens only the copy.
    """
    copy = aside / "copy"
    try:
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir(mode=0o700)
        for file in aside.glob("spool.db*"):
            # SQLite builds the shared-memory index again from the log.
            if not file.name.endswith("-shm"):
                shutil.copyfile(file, copy / file.name)
        yield copy
    except OSError as error:
        raise SpoolWriteError(f"{aside} cannot be copied, to salvage what is in it: {error.strerror}") from error
    finally:
        shutil.rmtree(copy, ignore_errors=True)


class _Salvage:
    """The salvage of one damaged database into one new spool."""

    def __init__(
        self, spool: Spool, database: sqlite3.Connection, leaves: LeafPages, key: str, salvaged: SalvageResult
    ) -> None:
        self._spool = spool
        self._leaves = leaves
        self._database = database
        self._key = key
        self._salvaged = salvaged
        noted = spool.get_meta(key)
        self._progress: dict[str, Any] = json.loads(noted) if noted else {}
        self._mappings = self._names("mappings")
        self._streams = self._names("streams")
        self._roots = self._tables()

    def run(self) -> None:
        """Copy the ledger first, once, then records and dead letters from the stored progress on."""
        if not self._progress.get("ledger"):
            self._salvage_ledger()
        for number, name in self._queues():
            self._salvage_records(number, name)
        self._salvage_dead_letters()

    def _all(self, query: str) -> list[tuple[Any, ...]]:
        """Return all rows of a query, or those before the first that cannot be read."""
        rows: list[tuple[Any, ...]] = []
        with suppress(sqlite3.DatabaseError):
            rows.extend(self._database.execute(query))
        return rows

    def _names(self, table: str) -> dict[int, str]:
        rows = self._all(f"select number, name from {table}")
        return {number: name for number, name in rows if _are((number, name), (int, str))}

    def _tables(self) -> dict[str, int]:
        """Return the root page of each table."""
        rows = self._all("select name, rootpage from sqlite_master where type = 'table'")
        return {name: root for name, root in rows if _are((name, root), (str, int))}

    def _note(self, transaction: Transaction, **changes: Any) -> None:
        """Add progress to the transaction, so that both are committed together."""
        self._progress |= changes
        transaction.meta[self._key] = json.dumps(self._progress)

    # -- the ledger, and what is copied with it --------------------------------------------------------------------

    def _salvage_ledger(self) -> None:
        """Copy the ledger in one transaction, and count every spooled record as lost.

        Each record that is found later is subtracted again. The same transaction copies the stored states, the QoS 2
        identifiers and the subscribed filters.
        """
        spool, transaction = self._spool, Transaction()
        old = self._all("pragma table_info(ledger)")
        columns = STORED if {"replayed", "damaged"} <= {row[1] for row in old} else COLUMNS
        lost, left = 0, dict[str, int]()
        for mapping, stream, *values in self._all(f"select mapping, stream, {', '.join(columns)} from ledger"):
            # Damaged counts would unbalance the new ledger.
            if not _are((mapping, stream, *values), (int,) * (2 + len(columns))) or min(values) < 0:
                continue
            counts = LedgerLine(**dict(zip(columns, values, strict=True)))
            counts.dropped += counts.spooled
            counts.damaged += counts.spooled
            lost += counts.spooled
            left[f"{mapping} {stream}"] = counts.spooled
            counts.spooled = 0
            transaction.restored_ledger[self._numbers_of(mapping, stream)] = counts
            self._salvaged.lost = lost
        for row in self._all("select space, key, value from state"):
            if _are(row, (str, str, bytes)):
                spool.state(row[0]).put(row[1], row[2])
        for (packet,) in self._all("select packet from unreleased"):
            if type(packet) is int and 0 < packet <= MAX_PACKET:
                transaction.qos2_ids[packet] = True
                spool.open_qos2_ids.add(packet)
        for (held,) in self._all("select value from meta where key = 'held_filters'"):
            with suppress(ValueError, TypeError):
                transaction.broker_filters = frozenset(json.loads(held))
        self._note(transaction, ledger=True, left=left)
        spool.commit(transaction)
        if transaction.broker_filters is not None:
            spool.broker_filters = transaction.broker_filters

    def _numbers_of(self, mapping: int, stream: int) -> tuple[int, int]:
        """Return the new spool's numbers of a mapping and a stream of the old one."""
        name = self._streams.get(stream, "")
        queue = self._spool.queue(name).number if name else self._spool.stream_number("")
        return self._spool.mapping_number(self._mappings.get(mapping, "")), queue

    # -- records ---------------------------------------------------------------------------------------------------

    def _queues(self) -> Iterator[tuple[int, str]]:
        """Yield number and name of each queue. A queue whose name cannot be read stays in the damaged files."""
        for number, name in self._streams.items():
            if name:
                yield number, name

    def _salvage_records(self, number: int, name: str) -> None:
        """Copy a queue's readable records in small transactions, from the stored progress on."""
        done = self._progress.get(f"queue {number}", 0)
        queue = self._spool.queue(name)
        for rows in self._ranges(f"queue_{number}", "number, mapping, key, data", done):
            transaction = Transaction()
            # A damaged row may have values of other types, or a key that Kinesis would refuse.
            whole = [row for row in rows if _are(row, (int, int, str, bytes)) and 0 < len(row[2]) <= MAX_KEY]
            for _, mapping, key, data in whole:
                place = self._numbers_of(mapping, number)
                queue.append(place[0], key, data)
                transaction.salvaged_records[place] += self._counted_as_found(mapping, number)
            self._note(transaction, **{f"queue {number}": rows[-1][0]})
            self._spool.commit(transaction)
            self._salvaged.records += len(whole)
            if self._salvaged.lost is not None:
                self._salvaged.lost -= transaction.salvaged_records.total()

    def _counted_as_found(self, mapping: int, stream: int) -> int:
        """Return 1 if the ledger counts one more spooled record of this line than were found so far, otherwise 0."""
        left, line = self._progress.get("left", {}), f"{mapping} {stream}"
        if left.get(line, 0) <= 0:
            return 0
        left[line] -= 1
        return 1

    def _salvage_dead_letters(self) -> None:
        """Copy the readable dead letters in small transactions, from the stored progress on."""
        done = self._progress.get("dead_letters", 0)
        for rows in self._ranges("dead_letters", dead_letter_query(), done):
            transaction = Transaction()
            transaction.dead_letters += filter(None, map(_dead_letter, rows))
            self._note(transaction, dead_letters=rows[-1][0])
            self._spool.commit(transaction)
            self._salvaged.dead_letters += len(transaction.dead_letters)

    def _ranges(self, table: str, columns: str, after: int) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the readable rows, range by range, in the order of their numbers."""
        first, last = self._bounds(table)
        first = max(first, after + 1)
        for low in range(first, last + 1, RANGE):
            rows = self._read(table, columns, low, min(low + RANGE - 1, last))
            if rows:
                yield rows

    def _bounds(self, table: str) -> tuple[int, int]:
        """Return the first and the last number of a table.

        If the table's ends are damaged, the bounds come from its leaf pages and from the stored next number.
        """
        first, last = self._leaves.bounds(self._roots.get(table, 0)) or (1, 0)
        with suppress(sqlite3.DatabaseError):
            first = self._database.execute(f"select min(number) from {table}").fetchone()[0] or 1
        try:
            last = self._database.execute(f"select max(number) from {table}").fetchone()[0] or 0
        except sqlite3.DatabaseError:
            if (number := table.removeprefix("queue_")).isdigit():
                found = self._all(f"select next from streams where number = {number}")
                last = max(last, found[0][0] - 1) if found and type(found[0][0]) is int else last
        return first, min(last, first + RANGE * _MOST_RANGES)

    def _read(self, table: str, columns: str, low: int, high: int) -> list[tuple[Any, ...]]:
        """Return the readable rows numbered `low` to `high`, in order."""
        query = f"select {columns} from {table} where number between ? and ? order by number"
        # The leaf pages are read in any case: SQLite treats a damaged number as the end of a table, and reports no
        # error.
        found = self._leaves.rows(self._roots.get(table, 0), low, high)
        try:
            rows = self._database.execute(query, (low, high)).fetchall()
        except sqlite3.DatabaseError:
            gaps = runs(number for number in range(low, high + 1) if number not in found)
            rows = [row for gap in gaps for row in self._by_sql(query, *gap)]
        found |= {row[0]: row for row in rows}
        return [found[number] for number in sorted(found)]

    def _by_sql(self, query: str, low: int, high: int) -> list[tuple[Any, ...]]:
        """Return all rows except those at whose numbers the query fails."""
        try:
            return self._database.execute(query, (low, high)).fetchall()
        except sqlite3.DatabaseError:
            if low == high:
                return []
            middle = (low + high) // 2
            return self._by_sql(query, low, middle) + self._by_sql(query, middle + 1, high)
