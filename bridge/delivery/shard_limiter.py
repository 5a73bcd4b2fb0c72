"""What each shard takes: 1,000 records and 1 MiB a second. Sending no more than that spares everyone the retries.

https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html

A shard's allowance fills at that rate, up to half a second's worth, and may be overdrawn by what is sent at once.
Others may write to the shard too: whenever it throttles all the same, the rate is lowered by a fifth, and rises again
by a twentieth of the limit with each second that it does not. Not thread-safe: the sender guards it.
"""

from __future__ import annotations

from dataclasses import dataclass

RECORDS_PER_SEC = 1000
BYTES_PER_SEC = 1024 * 1024
BURST_SECS = 0.5

_LOWERED = 0.8
_LEAST_SHARE = 0.05
_RISE_PER_SEC = 0.05
_FIRST_PAUSE_SECS = 0.1
_LONGEST_PAUSE_SECS = 2.0


@dataclass(slots=True)
class _Allowance:
    filled_at: float
    records: float = RECORDS_PER_SEC * BURST_SECS
    size: float = BYTES_PER_SEC * BURST_SECS
    share: float = 1.0
    lowered_at: float = float("-inf")
    pause_secs: float = 0.0
    until: float = float("-inf")

    def fill(self, now: float) -> None:
        passed = max(0.0, now - self.filled_at)
        self.filled_at = now
        self.records = min(RECORDS_PER_SEC * BURST_SECS, self.records + passed * RECORDS_PER_SEC * self.share)
        self.size = min(BYTES_PER_SEC * BURST_SECS, self.size + passed * BYTES_PER_SEC * self.share)
        if now - self.lowered_at > 1.0:
            self.share = min(1.0, self.share + passed * _RISE_PER_SEC)


class Rates:
    """The allowances of a stream's shards, by their ids."""

    def __init__(self) -> None:
        self._allowances: dict[str, _Allowance] = {}

    def room(self, shard_id: str, now: float) -> tuple[int, int]:
        """How many records and bytes the shard takes at once now; 0 or less when it takes none."""
        allowance = self._filled(shard_id, now)
        return (0, 0) if now < allowance.until else (int(allowance.records), int(allowance.size))

    def wait_secs(self, shard_id: str, now: float) -> float:
        """How long until there is room for a record and a byte."""
        allowance = self._filled(shard_id, now)
        records = (1 - allowance.records) / (RECORDS_PER_SEC * allowance.share)
        size = (1 - allowance.size) / (BYTES_PER_SEC * allowance.share)
        return max(0.0, records, size, allowance.until - now)

    def spend(self, shard_id: str, records: int, size: int, now: float) -> None:
        """So much is being sent to the shard."""
        allowance = self._filled(shard_id, now)
        allowance.records -= records
        allowance.size -= size

    def throttled(self, shard_id: str, now: float) -> None:
        """The shard refused a record for lack of throughput."""
        allowance = self._filled(shard_id, now)
        if now < allowance.until:
            return  # of the same moment as the last
        allowance.records, allowance.size = min(allowance.records, 0.0), min(allowance.size, 0.0)
        allowance.pause_secs = min(_LONGEST_PAUSE_SECS, max(_FIRST_PAUSE_SECS, allowance.pause_secs * 2))
        allowance.until = now + allowance.pause_secs
        if now - allowance.lowered_at > 1.0:
            allowance.share = max(_LEAST_SHARE, allowance.share * _LOWERED)
            allowance.lowered_at = now

    def accepted(self, shard_id: str) -> None:
        """The shard took a record: the next pause is a short one again."""
        allowance = self._allowances.get(shard_id)
        if allowance is not None:
            allowance.pause_secs = 0.0

    def _filled(self, shard_id: str, now: float) -> _Allowance:
        allowance = self._allowances.get(shard_id)
        if allowance is None:
            allowance = self._allowances[shard_id] = _Allowance(now)
        allowance.fill(now)
        return allowance
