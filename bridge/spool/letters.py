"""The dead letters' table: rows from and to `DeadLetter`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.model import DeadLetter

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

_COLUMNS = ", ".join(DeadLetter._fields)
INSERT = f"insert into dead_letters({_COLUMNS}) values ({', '.join('?' * len(DeadLetter._fields))})"


class Letter(NamedTuple):
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
) -> Iterator[Letter]:
    """All letters in order, one by its number, or the newest few (newest first)."""
    where = "where number = ?" if number is not None else ""
    order = "order by number desc limit ?" if newest is not None else "order by number"
    arguments = [value for value in (number, newest) if value is not None]
    for row in database.execute(f"select number, {_COLUMNS} from dead_letters {where} {order}", arguments):
        letter = DeadLetter._make(row[1:])
        yield Letter(
            row[0],
            letter._replace(
                streams=tuple(json.loads(row[3])), retain=bool(letter.retain), properties=json.loads(row[13])
            ),
        )


def count_letters(database: sqlite3.Connection) -> int:
    """How many there are."""
    return int(database.execute("select count(*) from dead_letters").fetchone()[0])
