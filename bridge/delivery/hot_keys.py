"""Detection of hot keys: partition keys whose records alone exceed the limit of a shard.

Resharding cannot help, because all records of a key go to the same shard. The rate of a key is computed from the times
at which records were received. The times of sending would give a wrong rate: records of a deferred shard are sent more
slowly, and records of a backlog are sent faster. Only the leader of the sender pool calls this module.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from bridge.delivery.token_bucket import BYTES_PER_SEC, RECORDS_PER_SEC

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.model import Record

logger = logging.getLogger(__name__)

# Milliseconds over which records are counted. Over a shorter time, the rate would be wrong, because receive times are
# exact only to a few seconds. A longer time would report a hot key too late.
COUNTING_MS = 10_000
# A hot key stays hot until its producer is changed, so more frequent warnings would not help.
WARNING_INTERVAL_SECS = 600.0
# Receive times are exact only to a few seconds, so a rate just below the limit counts as reaching the limit.
_NEARLY = 0.95


class HotKeys:
    """Counters of the records that were received while a shard is busy.

    With `packed`, only the limit in bytes is checked, because packed records rarely reach the limit in records. `hot`
    is the key that exceeded the limit at the last check, or "" if no key did.
    """

    def __init__(self, stream: str, *, packed: bool) -> None:
        self.hot = ""
        self._stream = stream
        self._packed = packed
        self._records: Counter[str] = Counter()
        self._sizes: Counter[str] = Counter()
        self._newest = 0
        # Receive time of the first records. Counting starts when the receive time changes.
        self._first_ms = 0
        # Receive time at which counting started; 0 if it has not started.
        self._counted_from_ms = 0
        # Time of the last warning, by key.
        self._warned_at: dict[str, float] = {}

    def add(self, records: Sequence[Record], received_ms: int, now: float) -> None:
        """Count the keys of records that were read from the queue while a shard is busy.

        `received_ms` is the receive time of the newest record, in milliseconds since 1970. Many records have the same
        receive time, so counting starts and stops only when the receive time changes.
        """
        # Records with lower numbers were counted before, or belong to a backlog.
        news = [record for record in records if record.number > self._newest]
        if not news:
            return
        self._newest = max(news).number
        if not self._first_ms or received_ms < self._first_ms:
            self._forget()
            self._first_ms = received_ms
        elif self._counted_from_ms:
            self._count(news)
        elif received_ms > self._first_ms:
            self._counted_from_ms = received_ms
        if self._counted_from_ms and received_ms - self._counted_from_ms >= COUNTING_MS:
            self._judge((received_ms - self._counted_from_ms) / 1000, now)
            self._forget()
            self._first_ms = self._counted_from_ms = received_ms

    def _count(self, records: Sequence[Record]) -> None:
        for _, _, key, data in records:
            self._records[key] += 1
            self._sizes[key] += len(data)

    def reset(self) -> None:
        """Reset the counters, because no shard is busy."""
        if self._first_ms or self.hot:
            self.hot = ""
            self._forget()

    def _forget(self) -> None:
        self._records.clear()
        self._sizes.clear()
        self._first_ms = self._counted_from_ms = 0

    def _judge(self, secs: float, now: float) -> None:
        self.hot = ""
        counts = self._sizes if self._packed else self._records
        for key, _ in counts.most_common(1):
            records, size = self._records[key] / secs, self._sizes[key] / secs
            if size > _NEARLY * BYTES_PER_SEC or (not self._packed and records > _NEARLY * RECORDS_PER_SEC):
                self.hot = key
                self._warn(key, records, size, now)

    def _warn(self, key: str, records: float, size: float, now: float) -> None:
        if now - self._warned_at.get(key, float("-inf")) < WARNING_INTERVAL_SECS:
            return
        # The dict has only one entry, so that it does not grow if the hot key changes often.
        self._warned_at = {key: now}
        finer = "choose a partition key with more different values"
        advice = finer if self._packed else f"pack the records of this key (packing: kpl), or {finer}"
        logger.warning(
            "stream %s: partition key %r alone brings %.0f records and %.0f KiB a second. All of them go to one shard, "
            "whose limit is %d records and %d KiB: %s",
            self._stream,
            key,
            records,
            size / 1024,
            RECORDS_PER_SEC,
            BYTES_PER_SEC // 1024,
            advice,
        )
