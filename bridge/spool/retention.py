"""How large the spool may become, how old its records, and what is dropped where a rule says so: counted, and said."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

from bridge.spool.database.transaction import write_dropped

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from bridge.spool.ledger import Ledger
    from bridge.spool.queue.stream_queue import StreamQueue

log = logging.getLogger(__name__)

_DROPPED_AT_ONCE = 2000
_EXPIRED_AT_ONCE = 50_000
_UNMEASURED_BYTES = 1024 * 1024
_FAR_BYTES = 8 * _UNMEASURED_BYTES
"""They may be written twice, to the log and to the database, and take more there."""


class DiskBudget:
    """What the spool may take: of `max_bytes`, and of the disk all but `min_free_bytes`."""

    def __init__(self, path: Path, max_bytes: int, min_free_bytes: int) -> None:
        self.full = False
        self._path = path
        self._max_bytes = max_bytes
        self._min_free_bytes = min_free_bytes
        self._disk = False
        self._unmeasured_bytes = -1
        """Since it was measured, and found far from full; below 0: it was not."""

    def fits_without_measuring(self, needed: int) -> bool:
        """Whether it is so far from full that it need not be measured: that takes 50 µs, as much as 20 records."""
        if self._unmeasured_bytes < 0 or self._unmeasured_bytes + needed > _UNMEASURED_BYTES:
            return False
        if self._min_free_bytes and shutil.disk_usage(self._path).free - self._min_free_bytes < _FAR_BYTES:
            return False
        self._unmeasured_bytes += needed
        return True

    def limit(self, used: int) -> int:
        """The most bytes it may use now, where it uses `used`."""
        if not self._min_free_bytes:
            return self._max_bytes
        of_disk = used + shutil.disk_usage(self._path).free - self._min_free_bytes
        self._disk = of_disk < self._max_bytes
        return min(self._max_bytes, of_disk)

    def fits(self, used: int, needed: int, *, blocking: bool) -> bool:
        """With hysteresis when blocking: once full, only a tenth of free room ends it."""
        limit = self.limit(used)
        spare = min(self._max_bytes, self._min_free_bytes or self._max_bytes) / 10 if self.full and blocking else 0
        self.full = used + needed > limit - spare
        self._unmeasured_bytes = 0 if used + needed + _FAR_BYTES < limit else -1
        return not self.full

    def full_reason(self, used: int) -> str:
        """In words."""
        if self._disk:
            free = shutil.disk_usage(self._path).free
            least = self._min_free_bytes >> 20
            return f"{free >> 20} MiB are free on the disk of {self._path}, and spool.min_free_bytes keeps {least} MiB"
        return f"{used >> 20} of spool.max_bytes {self._max_bytes >> 20} MiB are used"


class RecordDropper:
    """The records that one transaction drops. They are handed out again where it fails."""

    def __init__(self, database: sqlite3.Connection, changes: Ledger) -> None:
        self._database = database
        self._changes = changes
        self.queues: dict[StreamQueue, None] = {}
        """Those that it was to drop from, in order."""

    def make_room(self, queues: Iterable[StreamQueue], still_needed: Callable[[], bool]) -> None:
        """Drop the oldest of the longest queue until there is room, or until senders hold all that is left."""
        queues, count = list(queues), 0
        while still_needed():
            longest = max(queues, key=lambda queue: queue.waiting)
            waiting = longest.waiting
            dropped = self._drop(longest, _DROPPED_AT_ONCE)
            if dropped is None and longest.waiting == waiting:
                break  # else it has passed over numbers of which there was nothing to drop
            count += dropped or 0
        if count:
            log.warning("the spool is full: dropped the %d oldest records (spool.when_full: drop_oldest)", count)

    def expire(self, queues: Iterable[StreamQueue], before_ms: int) -> None:
        """Drop what was received before then, but what senders hold."""
        count = 0
        for queue in queues:
            while count < _EXPIRED_AT_ONCE and (older := queue.older_than(before_ms)):
                dropped = self._drop(queue, min(older, _DROPPED_AT_ONCE), "expired")
                if dropped is None:
                    break
                count += dropped
        if count:
            log.warning("dropped %d records that waited too long (spool.max_age_secs)", count)

    def _drop(self, queue: StreamQueue, count: int, mark: str = "") -> int | None:
        self.queues[queue] = None  # before all else: it hands out nothing until it is told how this ended
        span = queue.drop_oldest(count)
        return None if span is None else write_dropped(self._database, queue, *span, self._changes, mark)

    def failed(self) -> None:
        """Nothing was dropped after all."""
        for queue in self.queues:
            queue.rewind()

    def done(self) -> None:
        """The deletions are on disk."""
        for queue in self.queues:
            queue.dropped()
