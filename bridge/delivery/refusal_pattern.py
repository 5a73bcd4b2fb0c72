"""Detection of a full shard by the order of accepted and refused records in one request.

Kinesis processes the records of a request in order. Two causes of refusals leave two patterns (A accepted, R refused):

    AAAAAARRRR   The shard was full: after the first refused record, it refuses all records that are not smaller.
    ARAAARAARA   The shard refused records at random: after a refused record, it accepts records of the same size.

Only the first pattern is a reason to send more slowly. Assume that each record is refused independently, with the
probability q. Then three statements are true:

  1. Of the records before the last accepted record, the fraction q is refused. This gives an unbiased estimate of q.
  2. The *tail* is all refused records after the last accepted record. For a request of n records, the expected number
     of records in the tail is q + q^2 + ... + q^n.
  3. As many records are refused in the first half of a request as in the second half.

If a shard refuses more records than expected, the difference is attributed to a full shard. Statement 3 is needed
because a full shard regains tokens while it processes a request. Then the shard accepts single records in the tail,
which looks like the second pattern. But a full shard refuses fewer records in the first half than in the second half.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# Maximum fraction of refused records that is attributed to chance. Without this maximum, the refusals could seem random
# if many bridges overload a shard.
_MAX_RANDOM_FRACTION = 0.6

# Time constant of the estimate of q, in seconds.
_ESTIMATE_SECS = 15.0

# Time constant, in seconds, of the test whether more records are refused than chance explains.
_TEST_SECS = 4.0

# Number of standard deviations that the excess must exceed. If the number was 2, one of 40 series of random refusals
# would lower the rate.
_SIGMAS = 3.0

# The estimate of q starts with this number of accepted records, so that the first refusal does not count as chance.
_PRIOR_RECORDS = 10.0

# Maximum number of refusals that are not counted after fewer refusals than expected.
_MAX_CREDIT_RECORDS = 10.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Refusals of one request.

    `congested` is the number of refused records that are attributed to a full shard. Only these records lower the rate.
    `excess` is the number of refused records minus the number that chance explains; it may be negative. `variance` is
    the variance of `excess`.
    """

    refused: int
    refused_bytes: int
    congested: float
    excess: float
    variance: float
    by_chance: bool
    """True if chance may explain that all records of the request were refused."""


class RefusalPattern:
    """Running estimate of the fraction of records that one shard refuses at random."""

    def __init__(self, now: float) -> None:
        self._updated_at = now
        self._scattered = self._before_last = 0.0
        self._half_refused = self._half = 0.0
        self._excess = self._variance = self._credit = 0.0

    def add_accepted(self, records: int, now: float) -> None:
        """Count a request whose records were all accepted."""
        self._decay(now)
        self._before_last += records - 1
        self._half += records / 2

    def add(self, outcomes: Sequence[tuple[int, bool]], now: float) -> Verdict:
        """Count a request with refused records. `outcomes` are (size, accepted) of each record, in order."""
        self._decay(now)
        count = _count(outcomes)
        before_last = max(0, count.last_accepted)
        self._scattered += count.scattered
        self._before_last += before_last
        self._half_refused += count.half_refused
        self._half += len(outcomes) // 2

        scattered = min(_MAX_RANDOM_FRACTION, self._scattered / (self._before_last + _PRIOR_RECORDS))
        random = min(scattered, self._half_refused / (self._half + _PRIOR_RECORDS / 2))
        tail = random * (1 - random ** len(outcomes)) / (1 - random)
        excess = count.refused - random * before_last - tail
        # The variance is computed from `scattered`, the larger of the two estimates. So a refusal is more likely to be
        # attributed to chance.
        variance = scattered * (1 - scattered) * before_last + scattered / (1 - scattered) ** 2
        return Verdict(
            refused=count.refused,
            refused_bytes=count.refused_bytes,
            congested=min(float(count.refused), self._congested(excess, variance)),
            excess=excess,
            variance=variance,
            by_chance=tail >= len(outcomes) / 2,
        )

    def _congested(self, excess: float, variance: float) -> float:
        """Return the number of refusals that lower the rate; 0 while the recent refusals may be due to chance."""
        self._excess += excess
        self._variance += variance
        if self._excess <= 0:
            return 0.0
        weight = max(0.0, 1 - _SIGMAS**2 * self._variance / self._excess**2)
        self._credit += excess * weight
        congested, self._credit = max(0.0, self._credit), min(0.0, max(self._credit, -_MAX_CREDIT_RECORDS))
        return congested

    def _decay(self, now: float) -> None:
        elapsed = now - self._updated_at
        if elapsed <= 0:
            return
        # All sums decay exponentially, so that old requests lose their weight. The requests are not stored.
        self._updated_at = now
        factor = math.exp(-elapsed / _ESTIMATE_SECS)
        self._scattered *= factor
        self._before_last *= factor
        self._half_refused *= factor
        self._half *= factor
        factor = math.exp(-elapsed / _TEST_SECS)
        self._excess *= factor
        self._variance *= factor
        self._credit *= factor


@dataclass(slots=True)
class _Count:
    refused: int = 0
    refused_bytes: int = 0
    last_accepted: int = -1
    scattered: int = 0
    """Number of refused records after which a record of at least the same size was accepted."""
    half_refused: int = 0


def _count(outcomes: Sequence[tuple[int, bool]]) -> _Count:
    count, largest, half = _Count(), -1, len(outcomes) // 2
    for index in range(len(outcomes) - 1, -1, -1):
        size, accepted = outcomes[index]
        if accepted:
            count.last_accepted = max(count.last_accepted, index)
            largest = max(largest, size)
            continue
        count.refused += 1
        count.refused_bytes += size
        count.scattered += size <= largest
        count.half_refused += index < half
    return count
