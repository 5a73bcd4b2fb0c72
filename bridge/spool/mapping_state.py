"""What stateful mappings remember between messages, written in the transaction of the messages that changed it.

So a state never knows more, or less, than what is acknowledged: after a crash the broker redelivers, and the messages
find the state as it was before them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator


class MappingState:
    """One mapping's memory: bytes by key. Small; all of it is in memory. Owned by the ingest thread."""

    def __init__(self, space: str, values: dict[str, bytes]) -> None:
        self.space = space
        self._values = values
        self._changed: set[str] = set()

    def get(self, key: str) -> bytes | None:
        """The value, or None."""
        return self._values.get(key)

    def put(self, key: str, value: bytes) -> None:
        """Remember; on disk with the next commit."""
        if self._values.get(key) != value:
            self._values[key] = value
            self._changed.add(key)

    def forget(self, key: str) -> None:
        """Remove, if it is there."""
        if self._values.pop(key, None) is not None:
            self._changed.add(key)

    def clear(self) -> None:
        """Remove everything."""
        self._changed.update(self._values)
        self._values.clear()

    def items(self) -> Iterator[tuple[str, bytes]]:
        """All keys and values. Change nothing while iterating."""
        return iter(self._values.items())

    def __len__(self) -> int:
        return len(self._values)

    @property
    def changed(self) -> bool:
        """Something is not on disk yet."""
        return bool(self._changed)

    def write(self, database: sqlite3.Connection) -> None:
        """Write what changed, in the transaction that is open; `written` when it has been committed."""
        kept = [(self.space, key, self._values[key]) for key in self._changed if key in self._values]
        gone = [(self.space, key) for key in self._changed if key not in self._values]
        database.executemany("insert or replace into state values (?, ?, ?)", kept)
        database.executemany("delete from state where space = ? and key = ?", gone)

    def written(self) -> None:
        """The transaction was committed."""
        self._changed.clear()


def load_all(database: sqlite3.Connection) -> dict[str, MappingState]:
    """The memory of every mapping as it was committed last, by its space."""
    spaces: dict[str, dict[str, bytes]] = {}
    for space, key, value in database.execute("select space, key, value from state"):
        spaces.setdefault(space, {})[key] = value
    return {space: MappingState(space, values) for space, values in spaces.items()}


def write_changed(database: sqlite3.Connection, states: Iterable[MappingState]) -> list[MappingState]:
    """Write every state that changed; which ones they were."""
    changed = [state for state in states if state.changed]
    for state in changed:
        state.write(database)
    return changed


def written(states: Iterable[MappingState]) -> None:
    """Their transaction was committed."""
    for state in states:
        state.written()
