"""Receive times of a queue's records. After an outage or a restart, the ages of records are computed from them.

At most once every RECEIVE_TIME_STEP_MS, a pair is stored: the number of a record, and its receive time. All following
records before the next pair count as received at the same time. The pairs are stored in the spool's table `meta`.
"""

from __future__ import annotations

# Minimum time in ms between two pairs. Ages are therefore exact to 5 s.
RECEIVE_TIME_STEP_MS = 5_000
# Maximum number of pairs. If there are more, every second pair of the older half is removed.
_MAX_PAIRS = 200


class ReceiveTimes:
    """Receive times of one queue, in milliseconds since 1970.

    Only the ingest thread changes them. Any thread may call `of`.
    """

    def __init__(self) -> None:
        self.pairs: list[tuple[int, int]] = []
        """(record number, time) in order. The list is replaced and never changed, so that readers need no lock."""
        self.changed = False
        """True if `pairs` must be written by the next commit."""

    def note(self, number: int, now_ms: int) -> None:
        """Store `now_ms` as the receive time of a record, at most once every RECEIVE_TIME_STEP_MS."""
        # If the difference is negative, the clock was set back. Then the time is stored too.
        if self.pairs and 0 <= now_ms - self.pairs[-1][1] < RECEIVE_TIME_STEP_MS:
            return
        pairs = [*self.pairs, (number, now_ms)]
        if len(pairs) > _MAX_PAIRS:
            pairs = pairs[: _MAX_PAIRS // 2 : 2] + pairs[_MAX_PAIRS // 2 :]
        self.pairs, self.changed = pairs, True

    def of(self, number: int) -> int:
        """Return a record's receive time, or 0 if it is unknown."""
        return next((at for first, at in reversed(self.pairs) if first <= number), 0)

    def first_newer(self, moment_ms: int, next_number: int) -> int:
        """Return a record number. All records with lower numbers were received before `moment_ms`.

        Return 0 if no such number is known. `next_number` is the number after the newest record.
        """
        older = [number for number, at in self.pairs if at <= moment_ms]
        if older and self.pairs[-1][1] + RECEIVE_TIME_STEP_MS <= moment_ms:
            # Records received at `moment_ms` or later would have another pair, so all records are older.
            older.append(next_number)
        return older[-1] if older else 0
