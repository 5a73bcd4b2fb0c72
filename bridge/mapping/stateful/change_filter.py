"""`changes`: only messages whose values differ enough from those last sent go on; the others are filtered.

A value is what the expression `value` gives: a number, any other JSON value, or an object or list of several. Numbers
differ when they are further apart than the deadband, which is a number, or a percentage of the value last sent; all
else differs when it is not the same. The comparison is with what was last *sent*, so that a slow drift is sent too.

What is remembered, a row a key: `changes KEY` -> [value, received_at_ms of the message that was sent].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import orjson

from bridge.errors import TransformError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.mapping.expressions.expression import Expression
    from bridge.model import Message, StateStore

MAX_KEYS: Final = 100_000
"""Remembered of one mapping. Beyond it the oldest is forgotten, which sends it once more: never too little."""

ROW: Final = "changes "


class Deadband(NamedTuple):
    """`most` is the largest difference that is none; a fraction of the old value where `relative`."""

    most: float
    relative: bool = False

    def differ(self, old: float, new: float) -> bool:
        """Further apart than it allows."""
        return abs(new - old) > (self.most * abs(old) if self.relative else self.most)


NONE: Final = Deadband(0.0)
Deadbands: TypeAlias = "Deadband | Mapping[str, Deadband]"
"""One for all numbers of a value, or by the names of an object."""


class ChangeRow(NamedTuple):
    """What is to be remembered when the message has been sent."""

    key: str
    value: bytes


class ChangeFilter:
    """The stage of one mapping. It keeps nothing itself but how many keys are remembered."""

    def __init__(
        self, key: Expression | None, value: Expression | None, deadbands: Deadbands, at_least_every_secs: float | None
    ) -> None:
        """Without `key` the topic, and without `value` the whole payload."""
        self._key = key
        self._value = value
        self._deadbands = deadbands
        self._every_ms = None if at_least_every_secs is None else at_least_every_secs * 1000

    def look(self, scope: dict[str, Any], message: Message, memory: StateStore) -> ChangeRow | None:
        """What to remember if the message is sent; None if nothing has changed. Raises TransformError."""
        value = scope["payload"] if self._value is None else self._value.search(scope)
        key = ROW + key_text("changes.key", message.topic if self._key is None else self._key.search(scope))
        try:
            row = orjson.dumps([value, message.received_at_ms])
        except TypeError as error:
            raise TransformError(f"changes.value: cannot be remembered as JSON: {error}") from None
        known = memory.get(key)
        if known is None:
            return ChangeRow(key, row)
        old, sent_at_ms = orjson.loads(known)
        if self._is_time(message.received_at_ms - sent_at_ms) or differ(old, value, self._deadbands):
            return ChangeRow(key, row)
        return None

    def _is_time(self, elapsed_ms: int) -> bool:
        """A clock that was set back tells nothing, and sending once too often is harmless."""
        return self._every_ms is not None and (elapsed_ms >= self._every_ms or elapsed_ms < 0)


def remember(memory: StateStore, row: ChangeRow) -> None:
    """The message was sent. Where the row's key is one too many, the oldest makes room."""
    if len(memory) >= MAX_KEYS and memory.get(row.key) is None:
        oldest = next((key for key, _ in memory.items() if key.startswith(ROW)), None)
        if oldest is not None:
            memory.forget(oldest)
    memory.put(row.key, row.value)


def differ(old: Any, new: Any, deadbands: Deadbands = NONE) -> bool:
    """Whether two JSON values differ by more than the deadband: 1 is 1.0, and true is not 1."""
    if isinstance(old, dict) and isinstance(new, dict):
        by_name = not isinstance(deadbands, Deadband)
        return old.keys() != new.keys() or any(
            differ(old[name], new[name], deadbands.get(name, NONE) if by_name else deadbands)  # type: ignore[union-attr]  # `by_name`
            for name in old
        )
    deadband = deadbands if isinstance(deadbands, Deadband) else NONE
    if isinstance(old, list) and isinstance(new, list):
        return len(old) != len(new) or any(differ(*pair, deadband) for pair in zip(old, new, strict=True))
    if isinstance(old, bool) or isinstance(new, bool):
        return old is not new
    if isinstance(old, int | float) and isinstance(new, int | float):
        return deadband.differ(old, new)
    return bool(old != new)


def key_text(option: str, key: Any) -> str:
    """What an expression for a key gave, as text. TransformError for null, lists and objects."""
    if isinstance(key, str):
        return key
    if isinstance(key, bool | int | float):
        return orjson.dumps(key).decode()
    raise TransformError(f"{option}: gave {orjson.dumps(key).decode()[:100]}; a key is text, a number or a boolean")
