"""State of mappings: the values that stateful mappings store between messages.

A changed value is written in the same transaction as the records of the message that changed it. So the stored state
contains exactly the changes by acknowledged messages. After a crash, the broker redelivers all other messages, and they
change the state again.

All states are in memory, and their total size is limited (`StateBudget`). If the states exceed the limit, the largest
state evicts the values that were written longest ago. Keys that begin with `SAMPLE_ROWS` are never evicted, because
their values contain records that the mapping will send later. If these values need too much memory, `crowded` is true,
and the mapping sends their records early.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.model import SAMPLE_ROWS
from bridge.spool.database.tables import STATE

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

ROW_BYTES: Final = 120
"""Estimated memory in bytes of one row, in addition to its key and value: two object headers, and a dict entry."""
MAX_STATE_BYTES: Final = 64 * 1024 * 1024
"""Maximum size in bytes of all states of a spool."""
SPOOL_SHARE: Final = 4
"""All states together use at most a quarter of `spool.max_bytes`, so that they never fill the spool."""
# Each eviction frees an additional sixteenth of the limit. Otherwise, each following message would cause an eviction.
_EVICTED_SHARE: Final = 16


class StateUsage(NamedTuple):
    """Size of the state of one mapping. `evicted` is the number of values evicted since the start of the process."""

    mapping: str
    keys: int
    bytes: int
    evicted: int


class StateBudget:
    """Maximum size in bytes of all states of one spool. Ingest thread only."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.used = 0
        self._states: list[MappingState] = []

    def add(self, state: MappingState) -> None:
        """Add a state. Its present bytes count towards the limit."""
        self._states.append(state)
        self.used += state.bytes
        self.make_room()

    def largest(self) -> MappingState:
        """Return the state with the most bytes."""
        return max(self._states, key=lambda state: state.bytes)

    def make_room(self) -> None:
        """If the states exceed the limit, evict values. Rows with records (SAMPLE_ROWS) are not evicted."""
        if self.used <= self.max_bytes:
            return
        target = self.max_bytes - self.max_bytes // _EVICTED_SHARE
        while self.used > target:
            state = max(self._states, key=lambda each: each.evictable_bytes)
            if not state.evictable_bytes:
                # Only rows with records remain.
                return
            state.evict_oldest(self.used - target)


class MappingState:
    """Stored values of one mapping: bytes by key, in the order in which they were written. Ingest thread only."""

    def __init__(self, space: str, values: dict[str, bytes], budget: StateBudget | None = None) -> None:
        self.space = space
        self.evicted = 0
        """Number of values evicted since the start."""
        self._values = values
        self._changed: dict[str, None] = {}
        sizes = {key: _size(key, value) for key, value in values.items()}
        self.bytes = sum(sizes.values())
        """Bytes of all rows in memory."""
        # `_count` updates `bytes` and `evictable_bytes` with each change. So `make_room` can compare states without
        # reading their rows.
        self.evictable_bytes = sum(size for key, size in sizes.items() if not key.startswith(SAMPLE_ROWS))
        self._budget = budget or StateBudget(MAX_STATE_BYTES)
        self._budget.add(self)

    def get(self, key: str) -> bytes | None:
        """Return the value of a key, or None."""
        return self._values.get(key)

    def put(self, key: str, value: bytes) -> None:
        """Set the value of a key. The next commit writes it to disk. To make room, other values may be evicted."""
        old = self._values.get(key)
        if old == value:
            return
        if old is not None:
            # Remove the key, so that the new value is inserted at the end: `_values` is ordered by the time of writing.
            del self._values[key]
            self._count(key, -_size(key, old))
        # Copy the value, because orjson returns a memory block of at least 1 KiB. The copy needs only its own size.
        self._values[key] = memoryview(value).tobytes()
        # The commit writes the changes in the order of `_changed`, so move the key to the end: remove it, then insert
        # it again.
        self._changed.pop(key, None)
        self._changed[key] = None
        self._count(key, _size(key, value))
        self._budget.make_room()

    def forget(self, key: str) -> None:
        """Remove a key if it exists."""
        value = self._values.pop(key, None)
        if value is not None:
            # Add the key to `_changed`, so that the next commit deletes its row.
            self._changed[key] = None
            self._count(key, -_size(key, value))

    def evict(self, key: str) -> None:
        """Remove a key if it exists, and count it as evicted."""
        self.evicted += key in self._values
        self.forget(key)

    def evict_oldest(self, size: int) -> None:
        """Evict the values written longest ago until at least `size` bytes are free. Skip rows with records."""
        keys, freed = [], 0
        # Collect the keys first, because a dict must not change during the iteration.
        for key, value in self._values.items():
            if freed >= size:
                break
            if not key.startswith(SAMPLE_ROWS):
                keys.append(key)
                freed += _size(key, value)
        for key in keys:
            self.evict(key)

    @property
    def crowded(self) -> bool:
        """True if all states together exceed the limit, and this state is the largest."""
        return self._budget.used > self._budget.max_bytes and self._budget.largest() is self

    def clear(self) -> None:
        """Remove all keys."""
        for key in list(self._values):
            self.forget(key)

    def items(self) -> Iterator[tuple[str, bytes]]:
        """Return an iterator over all keys and values. Do not change the state during the iteration."""
        return iter(self._values.items())

    def __len__(self) -> int:
        return len(self._values)

    @property
    def usage(self) -> StateUsage:
        """Size of the state. Any thread."""
        return StateUsage(self.space, len(self._values), self.bytes, self.evicted)

    @property
    def changed(self) -> bool:
        """True if a change is not on disk yet."""
        return bool(self._changed)

    def write(self, database: sqlite3.Connection, written: int) -> int:
        """Write the changed keys in the open transaction, and return the next free row number.

        `written` is the number of the first row. The caller must call `clear_changed` after the commit.
        """
        changed = [key for key in self._changed if key in self._values]
        STATE.write(database, [(self.space, key, self._values[key], at) for at, key in enumerate(changed, written)])
        gone = [(self.space, key) for key in self._changed if key not in self._values]
        database.executemany("delete from state where space = ? and key = ?", gone)
        return written + len(changed)

    def clear_changed(self) -> None:
        """Clear the list of changed keys. Call this after the commit that wrote them."""
        self._changed.clear()

    def _count(self, key: str, size: int) -> None:
        self.bytes += size
        self._budget.used += size
        if not key.startswith(SAMPLE_ROWS):
            self.evictable_bytes += size


@dataclass(slots=True)
class ClearingRequest:
    """Request to clear the state of a mapping.

    `done` is set when the deletion is on disk. `keys` is then the number of removed keys.
    """

    mapping: str
    keys: int = 0
    done: threading.Event = field(default_factory=threading.Event)


class MappingStates:
    """The states of all mappings of one spool. Ingest thread only. Docstrings with "Any thread" name the exceptions."""

    def __init__(self, database: sqlite3.Connection, max_bytes: int) -> None:
        """Read the last committed states. Raises sqlite3.Error."""
        self._budget = StateBudget(max_bytes)
        self.requested: deque[ClearingRequest] = deque()
        """Requests that `take_requests` has not returned yet. Any thread may append a request."""
        self.clearing: list[ClearingRequest] = []
        """Requests whose states have been cleared in memory. The next commit writes the deletion to disk."""
        # Number of the next row to write. The row with the lowest number was written longest ago.
        self._next = 1
        rows = sorted(STATE.read(database), key=lambda row: row[3])
        spaces: dict[str, dict[str, bytes]] = {}
        for space, key, value, written in rows:
            spaces.setdefault(space, {})[key] = value
            self._next = written + 1
        self.by_name = {space: MappingState(space, values, self._budget) for space, values in spaces.items()}

    def of(self, space: str) -> MappingState:
        """Return the state of a mapping. A new mapping gets an empty state."""
        if space not in self.by_name:
            self.by_name[space] = MappingState(space, {}, self._budget)
        return self.by_name[space]

    def write_changed(self, database: sqlite3.Connection) -> list[MappingState]:
        """Write every changed state in the open transaction, and return these states."""
        changed = [state for state in self.by_name.values() if state.changed]
        for state in changed:
            self._next = state.write(database, self._next)
        return changed

    def take_requests(self) -> list[ClearingRequest]:
        """Return the requests since the last call. The caller then clears their states and commits."""
        # Take only the requests that exist now, so that the loop ends even if another thread continues to append.
        taken = [self.requested.popleft() for _ in range(len(self.requested))]
        self.clearing += taken
        return taken

    def end_clearing(self) -> None:
        """Set `done` of the requests in `clearing`. Call this after the commit of their deletions."""
        for request in self.clearing:
            request.done.set()
        self.clearing.clear()

    def usage(self) -> list[StateUsage]:
        """Return the sizes of all states that contain values or have evicted values. Any thread."""
        # Iterate over a copy, because the ingest thread may add a mapping during the iteration.
        found = [state.usage for state in list(self.by_name.values())]
        return sorted(each for each in found if each.keys or each.evicted)


def clear_changed(states: Iterable[MappingState]) -> None:
    """Call `clear_changed` of each state, after the commit of the states."""
    for state in states:
        state.clear_changed()


def _size(key: str, value: bytes) -> int:
    return len(key) + len(value) + ROW_BYTES
