"""How long to wait before the next attempt."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

_DOUBLINGS = 32


@dataclass(slots=True)
class Backoff:
    """Doubles from `first_secs` up to `max_secs`; each wait is jittered between half and all of it, so that a hall full
    of bridges does not come back at one instant."""

    first_secs: float
    max_secs: float
    attempts: int = 0
    random: random.Random = field(default_factory=random.Random, repr=False)

    def next(self) -> float:
        """Seconds to wait now; the next answer is longer."""
        wait: float = min(self.max_secs, self.first_secs * 2 ** min(self.attempts, _DOUBLINGS))
        self.attempts += 1
        return wait * self.random.uniform(0.5, 1.0)

    def exhaust(self) -> None:
        """From now on the longest waits, until `reset`."""
        self.attempts = max(self.attempts, _DOUBLINGS)

    def reset(self) -> None:
        """It worked: begin again from `first_secs`."""
        self.attempts = 0
