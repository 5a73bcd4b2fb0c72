"""`changes`: a filter that passes only messages whose values differ enough from the values last sent.

The expression `value` returns a single value, or an object or list of values. Two numbers differ if their difference
exceeds the deadband. The deadband is a number, or a percentage of the value last sent. Other values differ if they are
not equal. The filter compares with the value last *sent*, not with the value last received. Otherwise, a slow drift
would never be sent.

State: one row per key, `changes KEY` -> [value, time of the message that was sent]. The time is in ms since 1970. If
the machine's clock is set while the bridge runs, the filter subtracts the step from all later times. So the difference
of two times is the time that really passed.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import orjson

from bridge.errors import TransformError
from bridge.mapping.stateful.stored_values import key_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.mapping.expressions.expression import Expression
    from bridge.model import Message, StateStore

MAX_KEYS: Final = 100_000
"""Maximum number of stored keys per mapping.

A new key beyond this limit replaces the oldest key. The next value of the replaced key is sent even if it is equal to
the value last sent. No value is lost.
"""

# Prefix of the keys of this stage in the state store. The keys of `sample` have another prefix.
ROW: Final = "changes "


class Deadband(NamedTuple):
    """Largest difference of two numbers that does not count as a change.

    If `relative` is False, the deadband is `most`. If `relative` is True, it is `most` times the value last sent.
    """

    most: float
    relative: bool = False

    def differ(self, old: float, new: float) -> bool:
        """Return whether two numbers differ by more than the deadband."""
        return abs(new - old) > (self.most * abs(old) if self.relative else self.most)


NONE: Final = Deadband(0.0)
Deadbands: TypeAlias = "Deadband | Mapping[str, Deadband]"
"""One deadband for all numbers of a value, or a deadband for each name of an object."""


class ChangeRow(NamedTuple):
    """Row to store in the state when the message has been sent: the key of the row, and [value, time] as JSON."""

    key: str
    value: bytes


class ChangeFilter:
    """The stage `changes` of one mapping. The caller passes the state store to each method."""

    def __init__(
        self, key: Expression | None, value: Expression | None, deadbands: Deadbands, at_least_every_secs: float | None
    ) -> None:
        """Create the filter. Without `key`, the topic is the key. Without `value`, the payload is compared."""
        self._key = key
        self._value = value
        self._deadbands = deadbands
        self._every_ms = None if at_least_every_secs is None else at_least_every_secs * 1000
        self._stepped_ms = 0
        """Sum of the steps by which the machine's clock has been set since this filter was created."""

    def clock_set(self, step_ms: int) -> None:
        """Record that the machine's clock was set forward by `step_ms`, or set back if `step_ms` is negative."""
        self._stepped_ms += step_ms

    def changed_row(self, scope: dict[str, Any], message: Message, memory: StateStore) -> ChangeRow | None:
        """Return the row to store when the message has been sent, or None if nothing has changed.

        The caller stores the row after the message was mapped without a rejection. Raise TransformError if an
        expression fails, or if JSON cannot represent the value.
        """
        value = scope["payload"] if self._value is None else self._value.search(scope)
        key = ROW + key_text("changes.key", message.topic if self._key is None else self._key.search(scope))
        try:
            # Subtract the steps of the clock (see the module's docstring).
            row = orjson.dumps([value, at := message.received_at_ms - self._stepped_ms])
        except TypeError as error:
            raise TransformError(f"changes.value: cannot be stored as JSON: {error}") from None
        known = memory.get(key)
        if known is None:
            return ChangeRow(key, row)
        old, sent_at_ms = orjson.loads(known)
        if self._is_time(at - sent_at_ms) or differ(old, value, self._deadbands):
            return ChangeRow(key, row)
        return None

    def _is_time(self, elapsed_ms: int) -> bool:
        """Return whether `at_least_every_secs` has passed since the last message was sent.

        If the clock was set back before the bridge started, the elapsed time can be negative. The real elapsed time is
        then unknown, so return True. One additional message is harmless.
        """
        return self._every_ms is not None and (elapsed_ms >= self._every_ms or elapsed_ms < 0)


def remember(memory: StateStore, row: ChangeRow) -> None:
    """Store the row of a message that was sent. If there are already MAX_KEYS keys, delete the oldest key first."""
    # A known key replaces its own row, so no other row must be deleted. `items` returns the oldest row first.
    if len(memory) >= MAX_KEYS and memory.get(row.key) is None:
        oldest = next((key for key, _ in memory.items() if key.startswith(ROW)), None)
        if oldest is not None:
            memory.evict(oldest)
    memory.put(row.key, row.value)


def differ(old: Any, new: Any, deadbands: Deadbands = NONE) -> bool:
    """Return whether two JSON values differ by more than the deadband. 1 equals 1.0, but true does not equal 1.

    `old` was stored as JSON, which has null instead of NaN and the infinities. So NaN and the infinities in `new` also
    count as null. A change from a finite number to NaN is always a difference.
    """
    if isinstance(new, float) and not isfinite(new):
        new = None
    if isinstance(old, dict) and isinstance(new, dict):
        by_name = not isinstance(deadbands, Deadband)
        return old.keys() != new.keys() or any(
            differ(old[name], new[name], deadbands.get(name, NONE) if by_name else deadbands)  # type: ignore[union-attr]  # `by_name`
            for name in old
        )
    deadband = deadbands if isinstance(deadbands, Deadband) else NONE
    if isinstance(old, list) and isinstance(new, list):
        return len(old) != len(new) or any(differ(*pair, deadband) for pair in zip(old, new, strict=True))
    # In Python, True == 1. In JSON, true and 1 are different values.
    if isinstance(old, bool) or isinstance(new, bool):
        return old is not new
    if isinstance(old, int | float) and isinstance(new, int | float):
        return deadband.differ(old, new)
    return bool(old != new)
