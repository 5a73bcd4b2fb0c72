"""Values that stateful mappings store, written in the transaction of the messages that changed them.

A stored state therefore always matches the acknowledged messages. After a crash the broker redelivers the others, and
they meet the state as it was before them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.spool.database.tables import STATE

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator


class MappingState:
    """Stored values of one mapping: bytes by key. Small, completely in memory, and used by the ingest thread only."""

    def __init__(self, space: str, values: dict[str, bytes]) -> None:
        self.space = space
        self._values = values
        self._changed: set[str] = set()

    def get(self, key: str) -> bytes | None:
        """Return the value of a key, or None."""
        return self._values.get(key)

    def put(self, key: str, value: bytes) -> None:
        """Set the value of a key. The next commit writes it to disk."""
        if self._values.get(key) != value:
            self._values[key] = value
            self._changed.add(key)

    def forget(self, key: str) -> None:
        """Remove a key if it exists."""
        if self._values.pop(key, None) is not None:
            self._changed.add(key)

    def clear(self) -> None:
        """Remove all keys."""
        self._changed.update(self._values)
        self._values.clear()

    def items(self) -> Iterator[tuple[str, bytes]]:
        """Return an iterator over all keys and values. The caller must not change the state during the iteration."""
        return iter(self._values.items())

    def __len__(self) -> int:
        return len(self._values)

    @property
    def changed(self) -> bool:
        """True if a change is not on disk yet."""
        return bool(self._changed)

    def write(self, database: sqlite3.Connection) -> None:
        """Write the changed keys in the open transaction. The caller must call `written` after the commit."""
        kept = [(self.space, key, self._values[key]) for key in self._changed if key in self._values]
        gone = [(self.space, key) for key in self._changed if key not in self._values]
        STATE.write(database, kept)
        database.executemany("delete from state where space = ? and key = ?", gone)

    def written(self) -> None:
        """Forget which keys changed, because the transaction was committed."""
        self._changed.clear()


def load_all(database: sqlite3.Connection) -> dict[str, MappingState]:
    """Return the last committed state of every mapping, by its name in the table (`space`)."""
    spaces: dict[str, dict[str, bytes]] = {}
    for space, key, value in STATE.read(database):
        spaces.setdefault(space, {})[key] = value
    return {space: MappingState(space, values) for space, values in spaces.items()}


def write_changed(database: sqlite3.Connection, states: Iterable[MappingState]) -> list[MappingState]:
    """Write every changed state in the open transaction, and return the states written."""
    changed = [state for state in states if state.changed]
    for state in changed:
        state.write(database)
    return changed


def written(states: Iterable[MappingState]) -> None:
    """Call `written` of each state, because their transaction was committed."""
    for state in states:
        state.written()
