"""A memory for mappings that nothing writes down: for tests, for `try`, and for messages that are replayed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.model import StateStore


class OverlayState:
    """Empty at first, or what another memory holds; that one is never changed."""

    def __init__(self, beneath: StateStore | None = None) -> None:
        self._beneath = beneath
        self._values: dict[str, bytes | None] = {}

    def get(self, key: str) -> bytes | None:
        """The value, or None."""
        if key in self._values or self._beneath is None:
            return self._values.get(key)
        return self._beneath.get(key)

    def put(self, key: str, value: bytes) -> None:
        """Remember."""
        self._values[key] = value

    def forget(self, key: str) -> None:
        """Remove, if it is there."""
        self._values[key] = None

    def items(self) -> Iterator[tuple[str, bytes]]:
        """All keys and values."""
        values: dict[str, bytes | None] = dict(self._beneath.items()) if self._beneath is not None else {}
        values |= self._values
        return ((key, value) for key, value in values.items() if value is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self.items())
