"""State that is never written to disk: for tests, for the command `try`, and for replayed messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.model import StateStore


class OverlayState:
    """State store in memory, on top of a second store `beneath`.

    Reading returns the contents of `beneath`, with the changes that were made in this store. `beneath` never changes.
    """

    def __init__(self, beneath: StateStore | None = None) -> None:
        """Create a store on top of the store `beneath`. With None, the new store is empty."""
        self._beneath = beneath
        self._values: dict[str, bytes | None] = {}

    def get(self, key: str) -> bytes | None:
        """Return the value of the key, or None."""
        if key in self._values or self._beneath is None:
            return self._values.get(key)
        return self._beneath.get(key)

    def put(self, key: str, value: bytes) -> None:
        """Store the value of the key."""
        # Remove the key first, because a dict would keep the position of the earlier value.
        self._values.pop(key, None)
        self._values[key] = value

    def forget(self, key: str) -> None:
        """Delete the key, if it exists."""
        self._values[key] = None

    # This store has no maximum size, so no row is ever evicted to make room.
    evict = forget
    crowded = False

    def items(self) -> Iterator[tuple[str, bytes]]:
        """Return all keys and values: the contents of `beneath`, with the changes of this store.

        They are in the order in which they were last put.
        """
        values: dict[str, bytes | None] = dict(self._beneath.items()) if self._beneath is not None else {}
        # Remove the changed keys first, because `|=` would keep their positions.
        for key in self._values:
            values.pop(key, None)
        values |= self._values
        # None in `_values` marks a deleted key.
        return ((key, value) for key, value in values.items() if value is not None)

    def __len__(self) -> int:
        """Return the number of keys."""
        return sum(1 for _ in self.items())
