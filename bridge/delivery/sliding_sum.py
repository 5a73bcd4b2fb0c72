"""Sum over the last seconds, in slots of equal length."""

from __future__ import annotations

# More slots would be more exact, but take more time per call. A sixth of the window is exact enough for a rate.
_SLOTS = 6


class SlidingSum:
    """Sum of the values added within the last `window_secs`, in constant time and space."""

    def __init__(self, window_secs: float, now: float) -> None:
        self._slot_secs = window_secs / _SLOTS
        self._started_at = now
        self._slot = int(now / self._slot_secs)
        self._sums = [0.0] * (_SLOTS + 1)  # whole slots, and the current one

    def add(self, value: float, now: float) -> None:
        """Add a value to the current slot. A late result, with a `now` before this slot, is added to it too."""
        self._advance(now)
        self._sums[self._slot % len(self._sums)] += value

    def total(self, now: float) -> float:
        """Return the sum."""
        self._advance(now)
        return sum(self._sums)

    def per_sec(self, now: float) -> float:
        """Return the mean rate. Until the window is full, it is the mean over a shorter time, but at least one slot."""
        total = self.total(now)
        window_secs = _SLOTS * self._slot_secs + max(0.0, now - self._slot * self._slot_secs)
        return total / min(window_secs, max(now - self._started_at, self._slot_secs))

    def _advance(self, now: float) -> None:
        """Move to the slot of `now`, and clear those that were skipped."""
        slot = int(now / self._slot_secs)
        for each in range(max(self._slot + 1, slot - _SLOTS), slot + 1):
            self._sums[each % len(self._sums)] = 0.0
        self._slot = max(self._slot, slot)
