"""Limits of the spool in bytes and age, and the records that these limits drop. Each drop is counted and logged."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

from bridge.durations import size_text
from bridge.spool.database.transaction import write_dropped

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from bridge.spool.ledger import Ledger
    from bridge.spool.queue.stream_queue import StreamQueue

log = logging.getLogger(__name__)

# Numbers per step of `_drop`. Small steps evaluate `still_needed` often, so that few records more than necessary are
# dropped.
_DROPPED_AT_ONCE = 2000
# After this number of records, `expire` stops, and the next transaction continues. This bounds the duration of a
# commit.
_EXPIRED_AT_ONCE = 50_000
# Bytes that may be committed before the size on disk is measured again.
_UNMEASURED_BYTES = 1024 * 1024
# Distance from the limit at which no measurement is needed.
# It exceeds _UNMEASURED_BYTES, because SQLite may write records twice (to the log and to the database), with overhead.
_FAR_BYTES = 8 * _UNMEASURED_BYTES


class DiskBudget:
    """Disk space that the spool may use: at most `max_bytes`, and not the last `min_free_bytes` of the disk."""

    def __init__(self, path: Path, max_bytes: int, min_free_bytes: int) -> None:
        self.full = False
        self._path = path
        self._max_bytes = max_bytes
        self._min_free_bytes = min_free_bytes
        self._disk = False
        # Bytes committed since a measurement found the spool far from full. Negative: the next commit must measure.
        self._unmeasured_bytes = -1

    def fits_without_measuring(self, needed: int) -> bool:
        """Return whether `needed` bytes fit without a measurement, because the spool is far from full.

        A measurement costs 50 µs, as much as 20 records.
        """
        if self._unmeasured_bytes < 0 or self._unmeasured_bytes + needed > _UNMEASURED_BYTES:
            return False
        # Other programs use the disk too, and may fill many megabytes between two commits. So this short cut applies
        # only far from the limit, and the free space is read each time.
        if self._min_free_bytes and shutil.disk_usage(self._path).free - self._min_free_bytes < _FAR_BYTES:
            return False
        self._unmeasured_bytes += needed
        return True

    def limit(self, used: int) -> int:
        """Return the maximum size in bytes at this time, if the spool now uses `used` bytes."""
        if not self._min_free_bytes:
            return self._max_bytes
        of_disk = used + shutil.disk_usage(self._path).free - self._min_free_bytes
        # The message needs this, because a person must know whether to raise spool.max_bytes or to free the disk.
        self._disk = of_disk < self._max_bytes
        return min(self._max_bytes, of_disk)

    def fits(self, used: int, needed: int, *, blocking: bool) -> bool:
        """Return whether `needed` more bytes fit.

        With `blocking` there is hysteresis: a full spool stays full until a tenth of the limit is free.
        """
        limit = self.limit(used)
        # Without hysteresis, a full spool would accept a burst after each delivered batch, and then pause again.
        spare = self._spare() if self.full and blocking else 0
        self.full = used + needed > limit - spare
        self._unmeasured_bytes = 0 if used + needed + _FAR_BYTES < limit else -1
        return not self.full

    def _spare(self) -> float:
        return min(self._max_bytes, self._min_free_bytes or self._max_bytes) / 10

    def full_reason(self, used: int) -> str:
        """Return the reason why the spool is full, as text for people."""
        if self._disk:
            free, resumes = shutil.disk_usage(self._path).free, size_text(self._min_free_bytes + self._spare())
            text = f"{size_text(free)} free on the disk of {self._path}, spool.min_free_bytes is"
            return f"{text} {size_text(self._min_free_bytes)}; reading resumes when {resumes} are free"
        resumes = size_text(self._max_bytes - self._spare())
        text = f"{size_text(used)} used, spool.max_bytes is {size_text(self._max_bytes)}"
        return f"{text}; reading resumes below {resumes}"


class RecordDropper:
    """The records that one transaction drops. The queues hand them out again if the transaction fails."""

    def __init__(self, database: sqlite3.Connection, changes: Ledger) -> None:
        self._database = database
        self._changes = changes
        self.queues: dict[StreamQueue, None] = {}
        """Queues that this transaction tried to drop from, in order of first use (a dict used as an ordered set)."""

    def make_room(self, queues: Iterable[StreamQueue], still_needed: Callable[[], bool]) -> None:
        """Drop the oldest records of the longest queue until there is room, or until senders hold all others."""
        queues, count = list(queues), 0
        while still_needed():
            # The longest queue comes first, so that one slow destination does not cause losses in other queues.
            longest = max(queues, key=lambda queue: queue.waiting)
            waiting = longest.waiting
            dropped = self._drop(longest, _DROPPED_AT_ONCE)
            # Stop only without progress. Skipping numbers without a record counts as progress, because it reduces
            # `waiting` too.
            if dropped is None and longest.waiting == waiting:
                break
            count += dropped or 0
        if count:
            log.warning("the spool is full: dropped the %d oldest records (spool.when_full: drop_oldest)", count)

    def expire(self, queues: Iterable[StreamQueue], before_ms: int) -> None:
        """Drop records received before `before_ms` (milliseconds since 1970), except those that senders hold."""
        count = 0
        for queue in queues:
            # The count includes all queues, because together they determine the duration of the commit.
            while count < _EXPIRED_AT_ONCE and (older := queue.older_than(before_ms)):
                dropped = self._drop(queue, min(older, _DROPPED_AT_ONCE), "expired")
                if dropped is None:
                    break
                count += dropped
        if count:
            log.warning("dropped %d records that waited too long (spool.max_age_secs)", count)

    def _drop(self, queue: StreamQueue, count: int, column: str = "") -> int | None:
        """Delete up to `count` of the oldest unsent records of a queue; return how many, or None if there were none."""
        # Store the queue first, because `drop_oldest` stops it from handing out records until `done` or `failed`
        # resumes it.
        self.queues[queue] = None
        span = queue.drop_oldest(count)
        return None if span is None else write_dropped(self._database, queue, *span, self._changes, column)

    def failed(self) -> None:
        """Make the queues hand out the dropped records again, because the transaction failed."""
        for queue in self.queues:
            queue.rewind()

    def done(self) -> None:
        """Let the queues continue, because the deletions are on disk."""
        for queue in self.queues:
            queue.dropped()
