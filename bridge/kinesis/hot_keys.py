"""Which partition key alone brings more than a shard takes, so that no resharding can help. The sender guards it."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from bridge.kinesis.rates import BYTES_PER_SEC, RECORDS_PER_SEC

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.model import Record

logger = logging.getLogger(__name__)

WATCHED_SECS = 5.0
TOLD_AGAIN_SECS = 600.0
_NEARLY = 0.95
"""Where the sender is full, it takes no more of a key than its shard does."""


class HotKeys:
    """Counts what comes in while a shard is busy. `packed`: a shard's limit of records does not bind.

    `hot` is the key that was too much last time it was looked at, or "".
    """

    def __init__(self, stream: str, *, packed: bool) -> None:
        self.hot = ""
        self._stream = stream
        self._packed = packed
        self._records: Counter[str] = Counter()
        self._sizes: Counter[str] = Counter()
        self._since: float | None = None
        self._told: dict[str, float] = {}

    def add(self, records: Sequence[Record], now: float) -> None:
        """These came in while a shard is busy."""
        if self._since is None:
            self._since = now
        for _, _, key, data in records:
            self._records[key] += 1
            self._sizes[key] += len(data)
        if now - self._since >= WATCHED_SECS:
            self._judge(now - self._since, now)
            self._forget()

    def calm(self) -> None:
        """No shard is busy."""
        if self._since is not None or self.hot:
            self.hot = ""
            self._forget()

    def _forget(self) -> None:
        self._records.clear()
        self._sizes.clear()
        self._since = None

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
        self._told = {key: now}
        advice = "choose a finer key" if self._packed else "pack its records (packing: kpl), or choose a finer key"
        logger.warning(
            "stream %s: partition key %r alone brings %.0f records and %.0f KiB a second, as much as a shard takes "
            "(%d and %d) or more, and all of it goes to one shard: %s",
            self._stream,
            key,
            records,
            size / 1024,
            RECORDS_PER_SEC,
            BYTES_PER_SEC // 1024,
            advice,
        )
