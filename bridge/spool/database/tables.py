"""The tables of the database. Each row contains an XXH32 hash, which shows damage before the row is used.

The hash in the column `hash` is computed from all other columns, and from the name of the table or the number of the
queue. So the hash also shows to which table a row belongs. Salvage needs this to sort rows without SQLite
(bridge/spool/recovery/salvage.py). A hash detects accidental changes. It is not a signature: anyone who can write to
the file can forge it.
"""

from __future__ import annotations

import sqlite3
from itertools import repeat
from typing import TYPE_CHECKING, Any

from xxhash import xxh32_intdigest as xxh32

from bridge.model import DeadLetter, Record
from bridge.spool.ledger import STORED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_INT, _TEXT = "integer not null", "text not null"
# Factors that make a record's hash depend on its mapping and its queue. They are small primes, so that the sums are
# small: Python adds integers of more than 30 bits more slowly.
_MAPPING_SALT, _QUEUE_SALT = 1_000_003, 15_485_863
# Errors that a damaged row can raise, because its values may have other types than the columns.
_DAMAGE_ERRORS = (TypeError, AttributeError, ValueError)
_new = tuple.__new__  # a NamedTuple's own constructor needs 50 % more time


class DamagedRow(sqlite3.DatabaseError):
    """The hash of a row is wrong. As a subclass of an sqlite3 error, this error is handled like a damaged file."""


class Table:
    """A table of the database: its SQL, and the hash of its rows.

    `columns` maps the names of columns to SQL types. The column `hash` is added. `key` is the SQL of the primary key,
    or "" if a type in `columns` contains it.
    """

    def __init__(self, name: str, columns: dict[str, str], key: str = "", *, without_rowid: bool = False) -> None:
        self.name = name
        self.columns = columns
        names = [*columns, "hash"]
        kinds = [f"{column} {kind}" for column, kind in (columns | {"hash": _INT}).items()]
        body = ", ".join([*kinds, *filter(None, [key])])
        self.sql = f"create table {name}({body}){' without rowid' if without_rowid else ''};"
        """SQL that creates the table."""
        # Use `or replace`, because a transaction that is repeated after a failed commit writes the same keys again.
        self._insert = f"insert or replace into {name}({', '.join(names)}) values ({', '.join('?' * len(names))})"
        self._select = f"select {', '.join(names)} from {name}"
        # The hash includes the table's name, so that a row of one table is never accepted as a row of another table.
        self._seed = xxh32(name.encode())
        self._integers = all("integer" in kind for kind in columns.values())
        self._format = b"%d " * len(columns)

    def row(self, *values: Any) -> tuple[Any, ...]:
        """Return the values followed by their hash."""
        return (*values, self._hash(values))

    def write(self, database: sqlite3.Connection, rows: Iterable[tuple[Any, ...]]) -> None:
        """Insert rows, or replace rows with the same key. `rows` do not contain the hash. Raises sqlite3.Error."""
        database.executemany(self._insert, [(*values, self._hash(values)) for values in rows])

    def read(
        self, database: sqlite3.Connection, rest: str = "", values: Sequence[Any] = ()
    ) -> Iterator[tuple[Any, ...]]:
        """Yield rows without their hash. Raises DamagedRow and other errors of sqlite3.

        `rest` is the SQL after the table's name, such as "where number = ?". `values` are the parameters of the SQL.
        """
        for row in database.execute(f"{self._select} {rest}", values):
            yield self.checked(row)

    def checked(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """Check the hash of a row, and return the row without the hash. Raises DamagedRow."""
        if not self.is_intact(row):
            raise DamagedRow(f"a damaged row in table {self.name}")
        return row[:-1]

    def is_intact(self, row: tuple[Any, ...]) -> bool:
        """Return whether a row is an undamaged row of this table. The row may be from any table."""
        try:
            return len(row) == len(self.columns) + 1 and self._hash(row[:-1]) == row[-1]
        except _DAMAGE_ERRORS:
            return False

    def _hash(self, values: tuple[Any, ...]) -> int:
        # If all columns are integers, as in the ledger, this shorter computation takes half the time.
        if self._integers:
            return xxh32(self._format % values, self._seed)
        # The `repr` of integers and bytes is the same in every Python version. The `repr` of a text is not, so encode
        # texts first.
        parts = [
            # Replace a blob by its length and hash. The `repr` of a payload would be several times larger than the
            # payload.
            value.encode("utf-8", "surrogatepass")
            if type(value) is str
            else (len(value), xxh32(value))
            if type(value) is bytes
            else value
            for value in values
        ]
        return xxh32(repr(parts).encode(), self._seed)


META = Table("meta", {"key": "text primary key", "value": _TEXT}, without_rowid=True)
MAPPINGS = Table("mappings", {"number": "integer primary key", "name": _TEXT})
STREAMS = Table("streams", {"number": "integer primary key", "name": _TEXT, "next": _INT})
LEDGER = Table(
    "ledger",
    {"mapping": _INT, "stream": _INT, **dict.fromkeys(STORED, _INT), "lines": _INT},
    "primary key(mapping, stream)",
    without_rowid=True,
)
_OTHER_KINDS = {"payload": "blob not null", "item": "integer", "key": "text"}
_NUMBERS = ("total_bytes", "qos", "retain", "received_at_ms")
DEAD_LETTERS = Table(
    "dead_letters",
    {name: _OTHER_KINDS.get(name, _INT if name in _NUMBERS else _TEXT) for name in DeadLetter._fields},
    "number integer primary key autoincrement",
)
"""The table of dead letters. Its last column, after `hash`, is `number`.

The hash does not include `number`, because SQLite assigns the number during the insertion.
"""
EXCEPTIONS = Table("exceptions", {"queue": _INT, "first": _INT, "last": _INT, "reason": _TEXT})
CHECKSUMS = Table(
    "checksums",
    {"queue": _INT, "first": _INT, "last": _INT, "checksum": _INT},
    "primary key(queue, first)",
    without_rowid=True,
)
UNRELEASED = Table("unreleased", {"packet": "integer primary key"})
STATE = Table(
    "state",
    {"space": _TEXT, "key": _TEXT, "value": "blob not null", "written": _INT},
    "primary key(space, key)",
    without_rowid=True,
)
TABLES = (META, MAPPINGS, STREAMS, LEDGER, DEAD_LETTERS, EXCEPTIONS, CHECKSUMS, UNRELEASED, STATE)
"""All tables, without the tables of the queues."""


# -- queues --------------------------------------------------------------------------------------------------------


RECORD_COLUMNS = 5
"""Number of columns of a queue's table: number, mapping, key, data, hash."""


def queue_sql(queue: int) -> str:
    """Return the SQL that creates the table of a queue's records, if it does not exist."""
    return (
        f"create table if not exists queue_{queue}("
        f"number integer primary key, mapping {_INT}, key {_TEXT}, data blob not null, hash {_INT})"
    )


def record_rows(queue: int, records: Iterable[Record]) -> list[tuple[Any, ...]]:
    """Return the rows of records: number, mapping, key, data, hash."""
    salt = queue * _QUEUE_SALT
    return [
        (number, mapping, key, data, xxh32(data, xxh32(key.encode(), number + mapping * _MAPPING_SALT + salt)))
        for number, mapping, key, data in records
    ]


def flat_record_rows(queue: int, records: Sequence[Record]) -> list[Any]:
    """Return the rows of records, as one list of all values.

    Speed matters, because this runs for every record of a large burst. Therefore one call handles a column of all
    records. This takes 0.15 µs per record without the hash. The hash of 200 bytes of data takes another 0.12 µs.
    """
    numbers, mappings, keys, data = zip(*records, strict=True)
    values: list[Any] = [None] * (RECORD_COLUMNS * len(records))
    values[0::5], values[1::5], values[2::5], values[3::5] = numbers, mappings, keys, data
    values[4::5] = _record_hashes(queue, numbers, mappings, keys, data)
    return values


def _record_hashes(
    queue: int, numbers: Sequence[int], mappings: Sequence[int], keys: Sequence[str], data: Sequence[bytes]
) -> Iterable[int]:
    """Return the hash of each record. For speed, no Python function is called per record."""
    salt = queue * _QUEUE_SALT
    # Usually, all records belong to one mapping, and their numbers have no gap.
    if mappings.count(mappings[0]) == len(mappings) and numbers[-1] - numbers[0] == len(numbers) - 1:
        first = numbers[0] + mappings[0] * _MAPPING_SALT + salt
        seeds: Iterable[int] = range(first, first + len(numbers))
    else:
        seeds = [number + mapping * _MAPPING_SALT + salt for number, mapping in zip(numbers, mappings, strict=True)]
    return map(xxh32, data, map(xxh32, map(str.encode, keys), seeds))


def checked_records(queue: int, rows: Sequence[Sequence[Any]]) -> list[Record]:
    """Return the records in a queue's rows (number, mapping, key, data, hash).

    Raises DamagedRow for the first damaged row. Speed matters, because this runs for every record of a backlog.
    Therefore one call handles a column of all rows.
    """
    if not rows:
        return []
    numbers, mappings, keys, data, hashes = zip(*rows, strict=True)
    try:
        # Compare all rows at once. Search for the damaged row only if the comparison fails.
        intact = tuple(_record_hashes(queue, numbers, mappings, keys, data)) == hashes
    except _DAMAGE_ERRORS:  # a value has a wrong type; the loop below finds its row
        intact = False
    if not intact:
        for row in rows:
            if not is_intact_record(queue, row):
                raise DamagedRow(f"record {row[0]} in table queue_{queue} is damaged")
    return list(map(_new, repeat(Record), zip(numbers, mappings, keys, data, strict=True)))


def is_intact_record(queue: int, row: Sequence[Any]) -> bool:
    """Return whether a row is an undamaged record of this queue. The row may be from any table."""
    try:
        number, mapping, key, data, row_hash = row
        seed = number + mapping * _MAPPING_SALT + queue * _QUEUE_SALT
        found: bool = xxh32(data, xxh32(key.encode(), seed)) == row_hash
    except _DAMAGE_ERRORS:
        return False
    return found
