"""The dead letters' table: rows from and to `DeadLetter`."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.model import DeadLetter

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence

_COLUMNS = ", ".join(DeadLetter._fields)
INSERT = f"insert into dead_letters({_COLUMNS}) values ({', '.join('?' * len(DeadLetter._fields))})"


LETTER_BYTES = 500
"""What a letter takes beside its payload, near enough."""
_EVICTED_AT_ONCE = 100
_GONE = DeadLetter("message", "", (), None, "", "", "", b"", 0, 0, False, 0)


MOST_NUMBER = 2**63 - 1
"""https://www.sqlite.org/autoinc.html: the largest rowid."""


class StoredDeadLetter(NamedTuple):
    """A dead letter with its number."""

    number: int
    letter: DeadLetter


def to_row(letter: DeadLetter) -> tuple[Any, ...]:
    """The values of INSERT."""
    return letter._replace(
        streams=json.dumps(letter.streams),  # type: ignore[arg-type]  # as the column holds it
        retain=int(letter.retain),  # type: ignore[arg-type]  # as the column holds it
        properties=json.dumps(dict(letter.properties)),  # type: ignore[arg-type]  # as the column holds it
    )


def read_letters(
    database: sqlite3.Connection, *, newest: int | None = None, number: int | None = None
) -> Iterator[StoredDeadLetter]:
    """All letters in order, one by its number, or the newest few (newest first)."""
    if number is not None and not 0 <= number <= MOST_NUMBER:
        return  # SQLite's numbers end there, and what asks for more must not end the thread that looks
    where = "where number = ?" if number is not None else ""
    order = "order by number desc limit ?" if newest is not None else "order by number"
    arguments = [value for value in (number, newest) if value is not None]
    for row in database.execute(f"select {letter_query()} from dead_letters {where} {order}", arguments):
        yield StoredDeadLetter(row[0], letter_of(row))


def letter_query() -> str:
    """The columns of `letter_of`."""
    return f"number, {_COLUMNS}"


def letter_of(row: tuple[Any, ...]) -> DeadLetter:
    """A row, which begins with the number."""
    letter = DeadLetter._make(row[1:])
    streams, properties = tuple(json.loads(row[3])), json.loads(row[13])
    return letter._replace(streams=streams, retain=bool(letter.retain), properties=properties)


def measure_letters(database: sqlite3.Connection) -> tuple[int, int]:
    """How many there are, and their bytes."""
    count, size = database.execute("select count(*), coalesce(sum(length(payload)), 0) from dead_letters").fetchone()
    return int(count), int(size) + LETTER_BYTES * int(count)


class DeadLetterChange(NamedTuple):
    """What a transaction did to the table: letters and bytes more (or fewer) than before, and how many gave way."""

    letters: int
    size: int
    evicted: int


class DeadLetterCounts:
    """How many letters there are, and their bytes; since the spool was opened: how many gave way, and came, by reason.

    The codes are this program's own few words, so that there are never many.
    """

    def __init__(self, count: int, size: int) -> None:
        self.count = count
        self.size = size
        self.evicted = 0
        self.codes: Counter[str] = Counter()

    def add(self, changed: DeadLetterChange, added: Sequence[DeadLetter]) -> None:
        """A transaction is on disk."""
        self.count += changed.letters
        self.size += changed.size
        self.evicted += changed.evicted
        if added:
            self.codes.update(letter.code for letter in added)


def write_letters(
    database: sqlite3.Connection,
    added: Sequence[DeadLetter],
    removed: Mapping[int, int],
    amended: Sequence[tuple[str, str, int]],
    room: int,
) -> tuple[DeadLetterChange, list[DeadLetter]]:
    """Add letters, remove others (number → payload bytes), give some a new (code, detail, number), and keep within
    `room` bytes. The letters that gave way come back, oldest first, without their payloads."""
    if removed:
        database.executemany("delete from dead_letters where number = ?", [(number,) for number in removed])
    if amended:
        database.executemany("update dead_letters set code = ?, detail = ? where number = ?", amended)
    if added:
        database.executemany(INSERT, map(to_row, added))
    size = sum([len(letter.payload) + LETTER_BYTES for letter in added])
    size -= sum([payload + LETTER_BYTES for payload in removed.values()])
    evicted, freed = _evict(database, size - room) if size > room else ([], 0)
    return DeadLetterChange(len(added) - len(removed) - len(evicted), size - freed, len(evicted)), evicted


def _evict(database: sqlite3.Connection, excess: int) -> tuple[list[DeadLetter], int]:
    """The oldest go, and a few more, so that not every burst has to."""
    evicted: list[DeadLetter] = []
    numbers: list[tuple[int]] = []
    freed = 0
    for number, mapping, streams, size in database.execute(
        "select number, mapping, streams, length(payload) from dead_letters order by number"
    ):
        numbers.append((number,))
        evicted.append(_GONE._replace(mapping=mapping, streams=tuple(json.loads(streams))))
        freed += size + LETTER_BYTES
        if freed >= excess and len(numbers) >= _EVICTED_AT_ONCE:
            break
    database.executemany("delete from dead_letters where number = ?", numbers)
    return evicted, freed
