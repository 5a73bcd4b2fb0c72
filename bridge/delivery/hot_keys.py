"""Partition keys that alone exceed the limit of a shard, so that resharding cannot help.

Records are counted by their time of receipt, because they are sent more slowly from a deferred shard and faster from a
backlog. Not thread-safe: the sender pool's leader calls it.
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

# Long enough for receive times, which are exact only to a few seconds. Short enough to report a hot key while the shard
# is still full.
WATCHED_MS = 10_000
# A hot key lasts until its producer changes, so more frequent log lines would not help.
TOLD_AGAIN_SECS = 600.0
# Receive times are exact to a few seconds only, so a rate just below the limit counts as reaching it.
_NEARLY = 0.95


class HotKeys:
    """Counters of the records received while a shard is busy.

    With `packed`, only the byte limit applies, because there are few packed records. `hot` is the key that exceeded the
    limit at the last check, or "".
    """

    def __init__(self, stream: str, *, packed: bool) -> None:
        self.hot = ""
        self._stream = stream
        self._packed = packed
        self._records: Counter[str] = Counter()
        self._sizes: Counter[str] = Counter()
        self._newest = 0
        self._mark_ms = 0
        self._since_ms = 0
        self._told: dict[str, float] = {}

    def add(self, records: Sequence[Record], received_ms: int, now: float) -> None:
        """Count the keys of records that were read from the queue for the first time while a shard is busy.

        `received_ms` is the receive time of the newest record, in milliseconds since 1970.

        Counting starts and stops when `received_ms` changes. Older records are backlog and are not counted.
        """
        # Retried or deferred records were counted when they were first read from the queue.
        news = [record for record in records if record.number > self._newest]
        if not news:
            return
        self._newest = max(news).number
        if not self._mark_ms or received_ms < self._mark_ms:
            self._forget()
            self._mark_ms = received_ms
        elif self._since_ms:
            self._count(news)
        elif received_ms > self._mark_ms:
            self._since_ms = received_ms
        if self._since_ms and received_ms - self._since_ms >= WATCHED_MS:
            self._judge((received_ms - self._since_ms) / 1000, now)
            self._forget()
            self._mark_ms = self._since_ms = received_ms

    def _count(self, records: Sequence[Record]) -> None:
        for _, _, key, data in records:
            self._records[key] += 1
            self._sizes[key] += len(data)

    def reset(self) -> None:
        """Reset the counters, because no shard is busy."""
        if self._mark_ms or self.hot:
            self.hot = ""
            self._forget()

    def _forget(self) -> None:
        self._records.clear()
        self._sizes.clear()
        self._mark_ms = self._since_ms = 0

    def _judge(self, secs: float, now: float) -> None:
        self.hot = ""
        most = self._sizes if self._packed else self._records
        for key, _ in most.most_common(1):
            records, size = self._records[key] / secs, self._sizes[key] / secs
            if size > _NEARLY * BYTES_PER_SEC or (not self._packed and records > _NEARLY * RECORDS_PER_SEC):
                self.hot = key
                self._tell(key, records, size, now)

    def _tell(self, key: str, records: float, size: float, now: float) -> None:
        if now - self._told.get(key, float("-inf")) < TOLD_AGAIN_SECS:
            return
        # The dict has only one entry, so that random keys cannot make it grow.
        self._told = {key: now}
        advice = "choose a finer key" if self._packed else "pack its records (packing: kpl), or choose a finer key"
        logger.warning(
            "stream %s: partition key %r alone brings %.0f records and %.0f KiB a second, the limit of a shard "
            "(%d and %d) or more, and all of it goes to one shard: %s",
            self._stream,
            key,
            records,
            size / 1024,
            RECORDS_PER_SEC,
            BYTES_PER_SEC // 1024,
            advice,
        )
