"""Values that stateful mappings store, written in the transaction of the messages that changed them.

A stored state therefore always corresponds to the acknowledged messages. After a crash, the broker redelivers all other
messages, and the state is as it was before them.

All states are in memory, and all together have a maximum size (`StateBudget`). If they exceed it, the largest state
evicts the values that were written longest ago. Rows of `sample` (SAMPLE_ROWS) are not evicted: if `crowded` is true,
their mapping sends these records early.
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
"""Estimated memory of a row in bytes, without its key and value: two objects, and an entry of a dict."""
MAX_STATE_BYTES: Final = 64 * 1024 * 1024
"""Maximum size in bytes of all states of a spool."""
SPOOL_SHARE: Final = 4
"""All states use at most this fraction of `spool.max_bytes`, so that they never fill the spool."""
_EVICTED_SHARE: Final = 16
# An eviction frees this fraction of the bound, so that a full budget does not need an eviction for every message.


class StateUsage(NamedTuple):
    """Size of the state of one mapping. `evicted`: values evicted since the start."""

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
        """Add a state to the sum, with the bytes that it contains now."""
        self._states.append(state)
        self.used += state.bytes
        self.make_room()

    def largest(self) -> MappingState:
        """Return the state with the most bytes."""
        return max(self._states, key=lambda state: state.bytes)

    def make_room(self) -> None:
        """Evict values while the states exceed the bound, except rows with records."""
        if self.used <= self.max_bytes:
            return
        # Evict more than necessary. Otherwise, the next value would cause the next eviction.
        target = self.max_bytes - self.max_bytes // _EVICTED_SHARE
        while self.used > target:
            state = max(self._states, key=lambda each: each.evictable_bytes)
            if not state.evictable_bytes:
                # Only rows with records are left. They are never evicted; their mappings send them early instead.
                return
            state.evict_oldest(self.used - target)


class MappingState:
    """Stored values of one mapping: bytes by key, the one written longest ago first. Ingest thread only."""

    def __init__(self, space: str, values: dict[str, bytes], budget: StateBudget | None = None) -> None:
        self.space = space
        self.evicted = 0
        """Number of values evicted since the start."""
        self._values = values
        self._changed: dict[str, None] = {}
        sizes = {key: _size(key, value) for key, value in values.items()}
        self.bytes = sum(sizes.values())
        """Bytes of all rows in memory."""
        # The size is stored as a sum, because `make_room` compares all states and must not iterate over their rows.
        self.evictable_bytes = sum(size for key, size in sizes.items() if not key.startswith(SAMPLE_ROWS))
        self._budget = budget or StateBudget(MAX_STATE_BYTES)
        self._budget.add(self)

    def get(self, key: str) -> bytes | None:
        """Return the value of a key, or None."""
        return self._values.get(key)

    def put(self, key: str, value: bytes) -> None:
        """Set the value of a key. The next commit writes it to disk. Other values may be evicted."""
        old = self._values.get(key)
        if old == value:
            return
        if old is not None:
            # The keys are ordered by their last write, and the database stores that order.
            del self._values[key]
            self._count(key, -_size(key, old))
        # orjson returns its result in a block of at least 1 KiB. A copy needs only its own size.
        self._values[key] = memoryview(value).tobytes()
        # The changes are written in this order. In a dict, setting an existing key does not move it to the end, so it
        # is removed first.
        self._changed.pop(key, None)
        self._changed[key] = None
        self._count(key, _size(key, value))
        self._budget.make_room()

    def forget(self, key: str) -> None:
        """Remove a key if it exists."""
        value = self._values.pop(key, None)
        if value is not None:
            # The key stays in `_changed`: the next commit deletes its row.
            self._changed[key] = None
            self._count(key, -_size(key, value))

    def evict(self, key: str) -> None:
        """Remove a key if it exists, and count it as evicted."""
        self.evicted += key in self._values
        self.forget(key)

    def evict_oldest(self, size: int) -> None:
        """Evict the values written longest ago until `size` bytes are free, except rows with records."""
        keys, freed = [], 0
        # The keys are collected first, because a dict must not change while it is iterated.
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
        """True if this state is the largest, and all states together are larger than their bound."""
        return self._budget.used > self._budget.max_bytes and self._budget.largest() is self

    def clear(self) -> None:
        """Remove all keys."""
        for key in list(self._values):
            self.forget(key)

    def items(self) -> Iterator[tuple[str, bytes]]:
        """Return an iterator over all keys and values. The caller must not change the state during the iteration."""
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
        """Write the changed keys in the open transaction, numbered from `written` on; return the next number.

        The caller must call `clear_changed` after the commit.
        """
        changed = [key for key in self._changed if key in self._values]
        STATE.write(database, [(self.space, key, self._values[key], at) for at, key in enumerate(changed, written)])
        gone = [(self.space, key) for key in self._changed if key not in self._values]
        database.executemany("delete from state where space = ? and key = ?", gone)
        return written + len(changed)

    def clear_changed(self) -> None:
        """Clear the list of changed keys, because the transaction was committed."""
        self._changed.clear()

    def _count(self, key: str, size: int) -> None:
        self.bytes += size
        self._budget.used += size
        if not key.startswith(SAMPLE_ROWS):
            self.evictable_bytes += size


@dataclass(slots=True)
class ClearingRequest:
    """Request to clear the state of a mapping.

    `done` is set when the change is on disk. `keys` is the number of removed keys.
    """

    mapping: str
    keys: int = 0
    done: threading.Event = field(default_factory=threading.Event)


class MappingStates:
    """The states of all mappings of one spool. Only for the ingest thread, unless a method says otherwise."""

    def __init__(self, database: sqlite3.Connection, max_bytes: int) -> None:
        """Read the last committed states. Raises sqlite3.Error."""
        self._budget = StateBudget(max_bytes)
        self.requested: deque[ClearingRequest] = deque()
        """Requests that `take_requests` has not returned yet. Any thread may append to it."""
        self.clearing: list[ClearingRequest] = []
        """Requests whose states were cleared in memory; the next commit writes that."""
        # Number of the next row to write. The row with the lowest number was written longest ago.
        self._next = 1
        rows = sorted(STATE.read(database), key=lambda row: row[3])
        spaces: dict[str, dict[str, bytes]] = {}
        for space, key, value, written in rows:
            spaces.setdefault(space, {})[key] = value
            self._next = written + 1
        self.by_name = {space: MappingState(space, values, self._budget) for space, values in spaces.items()}

    def of(self, space: str) -> MappingState:
        """Return the state of a mapping, empty if it is new."""
        if space not in self.by_name:
            self.by_name[space] = MappingState(space, {}, self._budget)
        return self.by_name[space]

    def write_changed(self, database: sqlite3.Connection) -> list[MappingState]:
        """Write every changed state in the open transaction, and return the states written."""
        changed = [state for state in self.by_name.values() if state.changed]
        for state in changed:
            self._next = state.write(database, self._next)
        return changed

    def take_requests(self) -> list[ClearingRequest]:
        """Return the requests since the last call; the caller clears their states and commits."""
        taken = [self.requested.popleft() for _ in range(len(self.requested))]
        self.clearing += taken
        # `len` is read once, so that a thread that keeps appending cannot keep this loop running.
        return taken

    def end_clearing(self) -> None:
        """Report that the cleared states are on disk."""
        for request in self.clearing:
            request.done.set()
        self.clearing.clear()

    def usage(self) -> list[StateUsage]:
        """Return the sizes of the states that contain something or evicted something. Any thread."""
        # `list` copies at once: the ingest thread may add a mapping during the iteration.
        found = [state.usage for state in list(self.by_name.values())]
        return sorted(each for each in found if each.keys or each.evicted)


def clear_changed(states: Iterable[MappingState]) -> None:
    """Call `clear_changed` of each state, because their transaction was committed."""
    for state in states:
        state.clear_changed()


def _size(key: str, value: bytes) -> int:
    return len(key) + len(value) + ROW_BYTES
