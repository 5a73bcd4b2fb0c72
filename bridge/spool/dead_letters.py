"""The table of dead letters: conversion between its rows and `DeadLetter`, queries, and eviction."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bridge.model import DeadLetter
from bridge.spool.database.tables import DEAD_LETTERS, DamagedRow

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence

    from bridge.model import DeadLetterCode, Message

DEAD_LETTER_BYTES = 500
"""Estimated size in bytes of a stored dead letter without its payload, topic and properties."""
# SQL for the same estimate as `stored_bytes`. `length` counts characters. In `properties`, each character is one byte,
# because the JSON text is ASCII.
_SIZE = f"length(payload) + length(cast(topic as blob)) + length(properties) + {DEAD_LETTER_BYTES}"
PAYLOAD_SHARE = 4
"""One payload may use at most a quarter of the space for dead letters. A larger payload is truncated."""
POISON: Final[DeadLetterCode] = "poison"
"""Code of the dead letters that are also counted separately, because they are a problem for as long as they exist."""
_AMEND = "update dead_letters set code = ?, detail = ?, hash = ? where number = ?"
# Each eviction frees an additional sixteenth of the limit. Otherwise, each following burst would cause an eviction too.
_EVICTED_SHARE = 16
# Template of an evicted dead letter. `_evict` sets the mapping and the streams, which the ledger needs, and POISON.
_EVICTED = DeadLetter("message", "", (), None, "", "", "", b"", 0, 0, False, 0)


MAX_NUMBER = 2**63 - 1
"""Largest rowid of SQLite (https://www.sqlite.org/autoinc.html)."""


class StoredDeadLetter(NamedTuple):
    """A dead letter with its number in the table."""

    number: int
    dead_letter: DeadLetter


def stored_bytes(source: DeadLetter | Message) -> int:
    """Return the estimated size of a dead letter on disk, in bytes. A message has the size of its dead letter."""
    properties = len(json.dumps(dict(source.properties))) if source.properties else len("{}")
    return len(source.payload) + len(source.topic.encode()) + properties + DEAD_LETTER_BYTES


def shortened(dead_letters: Sequence[DeadLetter], room: int) -> list[DeadLetter]:
    """Return the dead letters with their payloads truncated to a quarter of `room`, the space for all dead letters."""
    limit = room // PAYLOAD_SHARE
    return [each._replace(payload=each.payload[:limit]) if len(each.payload) > limit else each for each in dead_letters]


def to_row(dead_letter: DeadLetter) -> tuple[Any, ...]:
    """Return a dead letter as a row of the table DEAD_LETTERS, without the hash."""
    # SQLite has no types for a tuple, a dict or a bool. A tuple or dict becomes a JSON text, a bool an integer.
    return dead_letter._replace(
        streams=json.dumps(dead_letter.streams),  # type: ignore[arg-type]  # the type of the column
        retain=int(dead_letter.retain),  # type: ignore[arg-type]  # the type of the column
        properties=json.dumps(dict(dead_letter.properties)),  # type: ignore[arg-type]  # the type of the column
    )


def read_dead_letters(
    database: sqlite3.Connection, *, newest: int | None = None, number: int | None = None, after: int = -1
) -> Iterator[StoredDeadLetter]:
    """Yield the dead letters that the arguments select.

    1. With `number`: the dead letter with this number.
    2. With `newest`: the newest dead letters, at most this many, newest first.
    3. Otherwise: all dead letters with numbers above `after`, lowest first.
    """
    # For a number above MAX_NUMBER, sqlite3 would raise OverflowError, which would end the calling thread.
    if number is not None and not 0 <= number <= MAX_NUMBER:
        return
    where = "where number = ?" if number is not None else "where number > ?"
    order = "order by number desc limit ?" if newest is not None else "order by number"
    arguments = [value for value in (after if number is None else number, newest) if value is not None]
    query = f"select {', '.join(DeadLetter._fields)}, hash, number from dead_letters {where} {order}"
    for *row, found in database.execute(query, arguments):
        try:
            # Verify the hash with `checked`, so that a damaged dead letter is never shown or replayed.
            yield StoredDeadLetter(found, dead_letter_of(DEAD_LETTERS.checked(tuple(row))))
        except DamagedRow as error:
            raise DamagedRow(f"dead letter {found} is damaged") from error


def dead_letter_of(row: Sequence[Any]) -> DeadLetter:
    """Return the dead letter in a row of DEAD_LETTERS. The row must not contain the hash."""
    dead_letter = DeadLetter._make(row)
    streams, properties = tuple(json.loads(row[2])), json.loads(row[12])  # both are stored as JSON
    return dead_letter._replace(streams=streams, retain=bool(dead_letter.retain), properties=properties)


def measure_dead_letters(database: sqlite3.Connection) -> tuple[int, int]:
    """Return the number of all dead letters and their total estimated size in bytes."""
    count, size = database.execute(f"select count(*), coalesce(sum({_SIZE}), 0) from dead_letters").fetchone()
    return int(count), int(size)


def count_poison(database: sqlite3.Connection) -> int:
    """Return the number of dead letters with the code POISON."""
    # Compare in SQL. A damaged code may not be UTF-8, and reading it as text would raise an error.
    return int(database.execute("select count(*) from dead_letters where code = ?", (POISON,)).fetchone()[0])


class DeadLetterChange(NamedTuple):
    """Effect of one transaction on the table.

    `dead_letters` is the change of the number of rows, and `size` the change of their total bytes. Both may be
    negative. `evicted` is the number of evicted dead letters. `poison` is the change of the number of rows with the
    code POISON.
    """

    dead_letters: int
    size: int
    evicted: int
    poison: int


class DeadLetterCounts:
    """Number and bytes of the stored dead letters, and counts since the spool was opened.

    `poison` is the number of stored dead letters with the code POISON. `evicted` is the number of evicted dead letters
    since the spool was opened. `codes` is the number of dead letters added since then, by code.
    """

    def __init__(self, count: int, size: int, poison: int) -> None:
        self.count = count
        self.size = size
        self.poison = poison
        self.evicted = 0
        self.codes: Counter[str] = Counter()

    def add(self, changed: DeadLetterChange, added: Sequence[DeadLetter]) -> None:
        """Add the changes of a committed transaction."""
        self.count += changed.dead_letters
        self.size += changed.size
        self.evicted += changed.evicted
        self.poison += changed.poison
        if added:
            self.codes.update(dead_letter.code for dead_letter in added)


def write_dead_letters(
    database: sqlite3.Connection,
    added: Sequence[DeadLetter],
    removed: Mapping[int, DeadLetter],
    amended: Sequence[tuple[str, str, int]],
    limit: int,
    used: int,
) -> tuple[DeadLetterChange, list[DeadLetter]]:
    """Write the changes of one transaction to the table, and evict the oldest dead letters beyond `limit` bytes.

    The caller has opened the transaction of `database`.

        added: dead letters to insert
        removed: the dead letters to delete, by number
        amended: (code, detail, number) of dead letters whose code and detail change
        limit: maximum bytes of all dead letters
        used: bytes of all dead letters before this transaction

    Return the changes, and the evicted dead letters, oldest first. An evicted dead letter contains only its mapping,
    its streams, and the code POISON if this was its code.
    """
    poison = sum(each.code == POISON for each in added) - sum(each.code == POISON for each in removed.values())
    if removed:
        database.executemany("delete from dead_letters where number = ?", [(number,) for number in removed])
    for code, detail, number in amended:
        for row in list(DEAD_LETTERS.read(database, "where number = ?", (number,))):
            # The hash of a row covers all its columns, so the new hash needs the complete row.
            before = DeadLetter._make(row)
            changed = before._replace(code=code, detail=detail)
            poison += (changed.code == POISON) - (before.code == POISON)
            database.execute(_AMEND, (code, detail, DEAD_LETTERS.row(*changed)[-1], number))
    if added:
        DEAD_LETTERS.write(database, map(to_row, added))
    size = sum(map(stored_bytes, added)) - sum(map(stored_bytes, removed.values()))
    # Evict after the insertion, so that the newest dead letters always stay.
    excess = used + size - limit
    evicted, freed = _evict(database, excess + limit // _EVICTED_SHARE) if excess > 0 else ([], 0)
    poison -= sum(each.code == POISON for each in evicted)
    return DeadLetterChange(len(added) - len(removed) - len(evicted), size - freed, len(evicted), poison), evicted


def _evict(database: sqlite3.Connection, excess: int) -> tuple[list[DeadLetter], int]:
    """Delete the oldest dead letters until at least `excess` bytes are freed.

    Return the evicted dead letters, with only the fields that `write_dead_letters` describes, and the number of freed
    bytes.
    """
    evicted: list[DeadLetter] = []
    numbers: list[tuple[int]] = []
    freed = 0
    # Do not select payloads. Otherwise, an eviction of 256 MiB would read 256 MiB from disk.
    for number, mapping, streams, is_poison, size in database.execute(
        f"select number, mapping, streams, code = ?, {_SIZE} from dead_letters order by number", (POISON,)
    ):
        numbers.append((number,))
        code = POISON if is_poison else ""
        evicted.append(_EVICTED._replace(mapping=mapping, streams=_streams_of(number, streams), code=code))
        freed += size
        if freed >= excess:
            break
    database.executemany("delete from dead_letters where number = ?", numbers)
    return evicted, freed


def _streams_of(number: int, text: str) -> tuple[str, ...]:
    """Return the streams in a row's JSON text. Raises DamagedRow."""
    # The text may be damaged, because `_evict` does not read the payload and so cannot check the row's hash.
    try:
        return tuple(json.loads(text))
    except (ValueError, TypeError) as error:
        raise DamagedRow(f"dead letter {number} is damaged") from error
