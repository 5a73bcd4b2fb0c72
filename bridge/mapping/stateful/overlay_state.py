"""State that is never written to disk, for tests, for `try`, and for replayed messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.model import StateStore


class OverlayState:
    """A state store in memory.

    It starts empty, or shows the contents of the store `beneath`, which it never changes.
    """

    def __init__(self, beneath: StateStore | None = None) -> None:
        """Show the contents of `beneath`. With None, start empty."""
        self._beneath = beneath
        self._values: dict[str, bytes | None] = {}

    def get(self, key: str) -> bytes | None:
        """Return the value of the key, or None."""
        if key in self._values or self._beneath is None:
            return self._values.get(key)
        return self._beneath.get(key)

    def put(self, key: str, value: bytes) -> None:
        """Store the value of the key."""
        self._values[key] = value

    def forget(self, key: str) -> None:
        """Delete the key, if it exists."""
        self._values[key] = None

    evict = forget
    crowded = False

    def items(self) -> Iterator[tuple[str, bytes]]:
        """Return all keys and values, including those of the store beneath that are neither replaced nor deleted."""
        values: dict[str, bytes | None] = dict(self._beneath.items()) if self._beneath is not None else {}
        values |= self._values
        return ((key, value) for key, value in values.items() if value is not None)

    def __len__(self) -> int:
        """Return the number of keys."""
        return sum(1 for _ in self.items())
