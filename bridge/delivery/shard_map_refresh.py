"""Schedule of ListShards: when the shards of a stream should be listed again.

    state      next_at                            method that ends the state
    idle       None                               request
    requested  now, or when the last pause ends   start
    started    None                               succeeded, retry or failed

If `start` returns True, the caller calls ListShards, and then the method for its outcome.
"""

from __future__ import annotations

MIN_PAUSE_SECS = 1.0
"""Minimum time between two calls. All producers and consumers of a stream share 1,000 ListShards calls a second:
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html"""

MAX_PAUSE_SECS = 30.0
EARLY_CALLS = 10
"""Number of calls with the shortest pause between them.

Undecided records wait for a response that is not stale. Responses are rarely stale for longer than ten calls take.
"""

# If ListShards is not permitted, a person must grant the permission. The bridge uses the permission within ten minutes,
# without a restart.
DENIED_PAUSE_SECS = 600.0

NEVER = float("-inf")


class ShardMapRefresh:
    """Schedule with a pause that grows while listings fail or are stale. Not thread-safe: callers hold a lock.

    `denied` is true if the last call was not permitted. `started_at` is the time of the last call.
    """

    def __init__(self) -> None:
        self.denied = False
        self.started_at = NEVER
        self._wanted = self._started = False
        self._not_before = NEVER
        self._calls = 0

    @property
    def next_at(self) -> float | None:
        """Time of the next call (-inf: at once); None while no call is requested, or while a call is in flight."""
        return self._not_before if self._wanted and not self._started else None

    def request(self, *, urgent: bool = False) -> None:
        """Request a listing. With `urgent`, the pauses are short again, because the shards have changed."""
        self._wanted = True
        if urgent:
            self._calls = 0

    def start(self, now: float) -> bool:
        """Return whether the caller should call ListShards now. If True, the caller must report the outcome."""
        if self._started or not self._wanted or now < self._not_before:
            return False
        self._started, self.started_at = True, now
        return True

    def succeeded(self, now: float) -> None:
        """End the request, because the listing was complete and up to date."""
        self._started = self._wanted = self.denied = False
        self._calls = 0
        self._not_before = now + MIN_PAUSE_SECS

    def retry(self, now: float) -> None:
        """Schedule another listing after a pause, because the last listing was stale or failed."""
        self._started = self.denied = False
        self._wanted = True
        self._calls += 1
        # The pause doubles from the eleventh call on. The exponent is limited, because 2.0 to the power of a large
        # number of calls raises OverflowError.
        pause = MIN_PAUSE_SECS * 2.0 ** max(0, min(self._calls - EARLY_CALLS, 5))
        self._not_before = now + min(pause, MAX_PAUSE_SECS)

    def failed(self, now: float, *, denied: bool) -> None:
        """Schedule another listing after a pause. The pause is long if the call is not permitted."""
        self.retry(now)
        self.denied = denied
        if denied:
            self._not_before = now + DENIED_PAUSE_SECS
