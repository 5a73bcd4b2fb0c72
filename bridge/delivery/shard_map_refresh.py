"""Schedule of ListShards: when the shards of a stream should be listed again.

    state     next_at                            ends with
    idle      None                               request
    wanted    now, or when the last pause ends   start
    started   None                               succeeded, retry or failed

The caller checks `start`, calls ListShards, and reports the outcome.
"""

from __future__ import annotations

MIN_PAUSE_SECS = 1.0
"""ListShards is limited to 1,000 calls a second for each stream, which all producers and consumers share:
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html"""

MAX_PAUSE_SECS = 30.0
EARLY_CALLS = 10
"""Number of calls with the shortest pause.

Responses are rarely stale for longer, and undecided records wait for a current one.
"""

# Only a person can grant the permission. The bridge then notices it within ten minutes, without a restart.
DENIED_PAUSE_SECS = 600.0

NEVER = float("-inf")


class ShardMapRefresh:
    """Schedule with a pause that grows while listings fail or are stale. Not thread-safe: the caller guards it.

    `denied`: the last call was not permitted. `started_at`: time of the last call.
    """

    def __init__(self) -> None:
        self.denied = False
        self.started_at = NEVER
        self._wanted = self._started = False
        self._not_before = NEVER
        self._calls = 0

    @property
    def next_at(self) -> float | None:
        """Time of the next call (-inf: at once), or None if none is due before `request` is called."""
        return self._not_before if self._wanted and not self._started else None

    def request(self, *, urgent: bool = False) -> None:
        """Request a listing. `urgent`: something has changed, so begin with short pauses again."""
        self._wanted = True
        if urgent:
            self._calls = 0

    def start(self, now: float) -> bool:
        """Return whether the shards should be listed now. If so, the caller must report the outcome."""
        if self._started or not self._wanted or now < self._not_before:
            return False
        self._started, self.started_at = True, now
        return True

    def succeeded(self, now: float) -> None:
        """End the request, because the listing was complete and current."""
        self._started = self._wanted = self.denied = False
        self._calls = 0
        self._not_before = now + MIN_PAUSE_SECS

    def retry(self, now: float) -> None:
        """Schedule another listing after a pause, because the last one was stale or missing."""
        self._started = self.denied = False
        self._wanted = True
        self._calls += 1
        # The pause doubles from the eleventh call on. The exponent is bounded, so that the pause is never computed from
        # a huge number.
        pause = MIN_PAUSE_SECS * 2.0 ** max(0, min(self._calls - EARLY_CALLS, 5))
        self._not_before = now + min(pause, MAX_PAUSE_SECS)

    def failed(self, now: float, *, denied: bool) -> None:
        """Schedule another listing after a pause, which is long if the call is not permitted."""
        self.retry(now)
        self.denied = denied
        if denied:
            self._not_before = now + DENIED_PAUSE_SECS
