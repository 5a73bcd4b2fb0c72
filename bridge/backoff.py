"""Exponential backoff with jitter: the only one of the bridge.

The jitter is "equal jitter": no wait is near zero.
https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_DOUBLINGS: Final = 60
"""Enough for any limit; beyond it 2.0 ** n would overflow after weeks of failures."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that double between `first_secs` and `max_secs`, each shortened by up to half.

    The jitter spreads out many clients that failed at the same instant.
    """

    first_secs: float
    max_secs: float

    def secs(self, attempts: int, random_share: Callable[[], float] = random.random) -> float:
        """Return the wait after `attempts` failures in a row, 1 for the first. `random_share` returns 0 up to 1."""
        doubled = self.first_secs * 2.0 ** min(attempts - 1, _MAX_DOUBLINGS)
        return min(doubled, self.max_secs) * (1 - random_share() / 2)


class Retries:
    """The failures in a row of one thing that is tried again. Not thread-safe."""

    def __init__(self, backoff: Backoff, random_share: Callable[[], float] = random.random) -> None:
        self._backoff = backoff
        self._random_share = random_share
        self.attempts = 0

    def next_secs(self) -> float:
        """Count a failure, and return the wait before the next attempt."""
        self.attempts += 1
        return self._backoff.secs(self.attempts, self._random_share)

    def exhaust(self) -> None:
        """Return the longest waits from now on, until `reset`."""
        self.attempts = max(self.attempts, _MAX_DOUBLINGS)

    def reset(self) -> None:
        """Begin again from the shortest wait: an attempt has succeeded."""
        self.attempts = 0
