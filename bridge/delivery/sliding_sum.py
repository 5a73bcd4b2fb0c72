"""Sum of the values that were added in the last seconds."""

from __future__ import annotations

# Number of time slots of equal length. With more slots, the sum would be more exact, but each call would take longer.
_SLOTS = 6


class SlidingSum:
    """Sum of the values that were added in the last `window_secs` seconds. It needs constant time and memory."""

    def __init__(self, window_secs: float, now: float) -> None:
        self._slot_secs = window_secs / _SLOTS
        self._started_at = now
        self._slot = int(now / self._slot_secs)
        self._sums = [0.0] * (_SLOTS + 1)  # complete slots, and the current slot

    def add(self, value: float, now: float) -> None:
        """Add a value to the current time slot, even if `now` is before the start of this slot."""
        self._advance(now)
        self._sums[self._slot % len(self._sums)] += value

    def total(self, now: float) -> float:
        """Return the sum of the values."""
        self._advance(now)
        return sum(self._sums)

    def per_sec(self, now: float) -> float:
        """Return the sum divided by the length of the window in seconds.

        Until the window is full, the sum is divided by the time since the start, but by at least the length of one
        slot.
        """
        total = self.total(now)
        window_secs = _SLOTS * self._slot_secs + max(0.0, now - self._slot * self._slot_secs)
        return total / min(window_secs, max(now - self._started_at, self._slot_secs))

    def _advance(self, now: float) -> None:
        """Move to the slot of `now`, and clear this slot and the skipped slots."""
        slot = int(now / self._slot_secs)
        for each in range(max(self._slot + 1, slot - _SLOTS), slot + 1):
            self._sums[each % len(self._sums)] = 0.0
        self._slot = max(self._slot, slot)
