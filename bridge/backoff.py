"""Exponential back-off with jitter: the time to wait before a connection or request is retried.

The jitter shortens each wait at random, by at most half. The AWS Architecture Blog calls this "equal jitter":
https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

# Maximum exponent. Without a maximum, `2.0 ** n` would raise OverflowError after weeks of failures. 2 ** 60 seconds are
# longer than any `max_secs`.
_MAX_DOUBLINGS: Final = 60


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that double from `first_secs` up to `max_secs`. Each wait is then shortened at random, by up to half.

    This jitter spreads the retries of many clients that failed at the same time.
    """

    first_secs: float
    max_secs: float

    def secs(self, attempts: int, random_share: Callable[[], float] = random.random) -> float:
        """Return the wait in seconds after `attempts` consecutive failures (at least 1).

        `random_share` returns a random number between 0 and 1, like `random.random`.
        """
        doubled = self.first_secs * 2.0 ** min(attempts - 1, _MAX_DOUBLINGS)
        # Apply the limit before the jitter. Otherwise, all clients at the longest wait would retry at the same time.
        return min(doubled, self.max_secs) * (1 - random_share() / 2)


class Retries:
    """Counter of consecutive failures of one operation. Not thread-safe."""

    def __init__(self, backoff: Backoff, random_share: Callable[[], float] = random.random) -> None:
        self._backoff = backoff
        self._random_share = random_share
        self.attempts = 0

    def next_secs(self) -> float:
        """Count a failure and return the wait in seconds before the next attempt."""
        self.attempts += 1
        return self._backoff.secs(self.attempts, self._random_share)

    def exhaust(self) -> None:
        """Use the longest wait from now on, until `reset` is called."""
        self.attempts = max(self.attempts, _MAX_DOUBLINGS)

    def reset(self) -> None:
        """Return to the shortest wait after a successful attempt."""
        self.attempts = 0
