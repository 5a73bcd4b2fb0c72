"""Linger of a queue: records wait a short time for further records, so that fewer and larger requests are sent."""

from __future__ import annotations

from math import inf

# Target (number of records, bytes) that a single record reaches.
_ANY_RECORD = (1, 1)


class Linger:
    """State of one queue's linger, as in Kafka's producer option `linger.ms`.

    Not thread-safe: callers hold the queue's lock. Times are seconds of the monotonic clock.
    """

    def __init__(self) -> None:
        # Time when the linger began. -inf means that the linger is over, because all records are from an earlier run.
        self._since = -inf
        # The sender is woken when this number of records or of bytes is buffered. If the target is None, commits do not
        # wake the sender.
        self._target: tuple[int, int] | None = None

    def begin(self, now: float) -> None:
        """Start the linger of the records that are buffered now."""
        self._since = now

    def empty(self) -> None:
        """Let the next record wake the sender. Called when the sender finds the queue empty."""
        self._target = _ANY_RECORD

    def due_at(self, waiting: tuple[int, int], target: tuple[int, int], linger_secs: float, pause_secs: float) -> float:
        """Return the time at which the sender should take the buffered records. -inf means now.

        `waiting` and `target` are pairs (number of records, bytes). The result is -inf in two cases:

        1. The target number of records or bytes is reached.
        2. The last two commits are at least `linger_secs` apart, so no further records are expected soon.
        """
        if pause_secs >= linger_secs or _reached(waiting, target):
            self._target = None
            return -inf
        self._target = target
        return self._since + linger_secs

    def ends(self, waiting: tuple[int, int]) -> bool:
        """Return True if the sender must be woken now. The result is True at most once per call of `due_at` or `empty`.

        At 1,000 messages a second, waking the sender with every commit would cost 10 % of the CPU.
        """
        if self._target is None or not _reached(waiting, self._target):
            return False
        self._target = None
        return True


def _reached(waiting: tuple[int, int], target: tuple[int, int]) -> bool:
    return waiting[0] >= target[0] or waiting[1] >= target[1]
