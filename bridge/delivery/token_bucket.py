"""Token bucket of one shard: the number of records and bytes that may be sent to the shard now.

A shard accepts 1,000 records and 1 MiB per second ("Quotas and limits" of Kinesis Data Streams,
https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html). On-demand shards have the same limits.

The other modules of the limiter measure records in *shard seconds*: the time that a shard needs to accept them. A
record of 1 KiB costs 1 ms, and a record of 1 MiB costs 1 s. So a rate is one number for both records and bytes: a
fraction of the shard limit, from 0 to 1.
"""

from __future__ import annotations

RECORDS_PER_SEC = 1000
BYTES_PER_SEC = 1024 * 1024

BURST_SECS = 1.0
"""Maximum seconds for which unused tokens accumulate.

If a request takes up to 1 s, the next request can use all tokens that accumulated in this time. The shard itself also
accumulates tokens for at most 1 s, so it would refuse a larger burst.
"""


def shard_secs(records: int, size: int) -> float:
    """Return the seconds that a shard needs to accept this number of records, with `size` bytes in total."""
    return max(records / RECORDS_PER_SEC, size / BYTES_PER_SEC)


class TokenBucket:
    """Tokens for records, and tokens for bytes.

    Their number may become negative, because a record can be larger than the remaining tokens.
    """

    def __init__(self, share: float, now: float) -> None:
        self._filled_at = now
        self._records = RECORDS_PER_SEC * BURST_SECS * share
        self._bytes = BYTES_PER_SEC * BURST_SECS * share

    @property
    def available(self) -> tuple[int, int]:
        """Records and bytes that may be sent. If one number is zero or less, no record may be sent."""
        return int(self._records), int(self._bytes)

    @property
    def level_secs(self) -> float:
        """Tokens in shard seconds: the smaller of the tokens for records and the tokens for bytes."""
        return min(self._records / RECORDS_PER_SEC, self._bytes / BYTES_PER_SEC)

    def fill(self, share: float, now: float) -> None:
        """Add the tokens that accrued since the last call, at `share` of the shard's limit."""
        elapsed = now - self._filled_at
        if elapsed <= 0:
            return
        self._filled_at = now
        self._records = min(BURST_SECS * share, self._records / RECORDS_PER_SEC + elapsed * share) * RECORDS_PER_SEC
        self._bytes = min(BURST_SECS * share, self._bytes / BYTES_PER_SEC + elapsed * share) * BYTES_PER_SEC

    def take(self, records: int, size: int) -> None:
        """Spend the tokens for records with `size` bytes in total."""
        self._records -= records
        self._bytes -= size

    def empty(self) -> None:
        """Discard all tokens, because the shard has none."""
        # A negative number of tokens remains, because the shard must regain these tokens first.
        self._records, self._bytes = min(self._records, 0.0), min(self._bytes, 0.0)

    def secs_until_one(self, share: float) -> float:
        """Return the seconds until there are tokens for one record and one byte; 0 or less if there are enough now."""
        return max((1 - self._records) / RECORDS_PER_SEC, (1 - self._bytes) / BYTES_PER_SEC) / share
